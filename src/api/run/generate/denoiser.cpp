#include "api/run/generate/denoiser.h"

#include <algorithm>

namespace tempera::api {

Status DenoiserPlan::bind(Session& session, const ComponentRequest& request,
                          const Tensor& context) {
  ASSIGN_OR_RETURN(executor, session.executor(request));
  ASSIGN_OR_RETURN(sample, executor->input("sample"));
  ASSIGN_OR_RETURN(timestep, executor->input("timestep"));
  ASSIGN_OR_RETURN(output, executor->output("sample"));
  if (request.part == UnetPart::all_with_deep) {
    ASSIGN_OR_RETURN(deep, executor->output("deep"));
  } else if (request.part == UnetPart::shallow) {
    ASSIGN_OR_RETURN(deep, executor->input("deep"));
  }
  timesteps.resize(static_cast<size_t>(request.batch / request.repeat));
  const size_t row = context.data.size() / static_cast<size_t>(context.shape[0]);
  ASSIGN_OR_RETURN(const int hidden_states, executor->input("encoder_hidden_states"));
  const std::span<const std::byte> rows(context.data);
  return executor->set_input(hidden_states, rows.last(static_cast<size_t>(request.batch) * row));
}

Status DenoiserPlan::step(const diffusion::ModelCall& call, std::span<float> result) {
  std::ranges::fill(timesteps, call.timestep);
  TRY(executor->set_input(sample, std::as_bytes(call.sample)));
  TRY(executor->set_input(timestep, std::as_bytes(std::span<const float>(timesteps))));
  TRY(executor->run(runtime::Stage::step));
  ASSIGN_OR_RETURN(const auto bytes, executor->output_bytes(output));
  std::ranges::copy(bytes, std::as_writable_bytes(result).begin());
  return {};
}

Status Denoiser::bind(Session& session, const ComponentRequests& requests, const Tensor& context) {
  for (const auto& [kind, request] : requests.unet)
    TRY(plans_[kind].bind(session, request, context));
  return {};
}

Status Denoiser::step(const diffusion::ModelCall& call, std::span<float> result) {
  DenoiserPlan& plan = plans_.at(call.kind);
  TRY(plan.step(call, result));
  const auto shallow = plans_.find({call.kind.guided, true});
  if (call.kind.shallow || shallow == plans_.end()) return {};
  ASSIGN_OR_RETURN(const auto deep, plan.executor->output_bytes(plan.deep));
  return shallow->second.executor->set_input(shallow->second.deep, deep);
}

}  // namespace tempera::api
