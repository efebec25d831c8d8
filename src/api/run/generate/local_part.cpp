#include "api/run/generate/local_part.h"

#include <algorithm>
#include <array>

namespace tempera::api {

using runtime::Executor;
using runtime::PlanTensor;

Result<LocalPart> LocalPart::open(Session& session, const ComponentRequest& request,
                                  std::string_view input, std::string_view output) {
  LocalPart part;
  ASSIGN_OR_RETURN(part.executor_, session.executor(request));
  Executor& executor = *part.executor_;
  ASSIGN_OR_RETURN(part.input_, executor.input(input));
  ASSIGN_OR_RETURN(part.output_, executor.output(output));
  ASSIGN_OR_RETURN(part.are_given_, executor.input("moments_are_given"));
  for (const PlanTensor& norm : executor.plan().outputs) {
    if (norm.name == output) continue;
    ASSIGN_OR_RETURN(const int given, executor.input(norm.name));
    ASSIGN_OR_RETURN(const int own, executor.output(norm.name));
    part.norms_.push_back({given, own, diffusion::PooledMoments(norm.shape[1] / 3)});
    const Tensor nothing(norm.dtype, norm.shape);
    TRY(executor.set_input(given, nothing.data));
  }
  TRY(part.set_given(false));
  return part;
}

Status LocalPart::set_given(bool given) {
  const std::array flag = {static_cast<std::byte>(given)};
  return executor_->set_input(are_given_, flag);
}

Status LocalPart::run(std::span<const float> tile) {
  TRY(executor_->set_input(input_, std::as_bytes(tile)));
  return executor_->run(runtime::Stage::step);
}

Status LocalPart::look(std::span<const float> tile) {
  TRY(run(tile));
  for (Norm& norm : norms_) {
    ASSIGN_OR_RETURN(const auto own, executor_->output_bytes(norm.own));
    norm.seen.add({reinterpret_cast<const float*>(own.data()), own.size() / sizeof(float)});
  }
  return {};
}

Status LocalPart::keep_looks() {
  for (const Norm& norm : norms_) {
    const std::vector<float> pooled = norm.seen.moments();
    TRY(executor_->set_input(norm.given, std::as_bytes(std::span(pooled))));
  }
  return set_given(true);
}

Status LocalPart::apply(std::span<const float> tile, std::span<float> result) {
  TRY(run(tile));
  ASSIGN_OR_RETURN(const auto bytes, executor_->output_bytes(output_));
  CHECK(bytes.size() == result.size_bytes(), "a tile of {} bytes for {}", bytes.size(),
        result.size_bytes());
  std::ranges::copy(bytes, std::as_writable_bytes(result).begin());
  return {};
}

}  // namespace tempera::api
