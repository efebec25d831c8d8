#include <cctype>

#include "base/text.h"
#include "runtime/base64.h"
#include "runtime/plan_json.h"

namespace tempera::runtime {
namespace {

// No plan that anybody runs comes near; sums of a few stay far from overflow.
constexpr int64_t kMaxBytes = int64_t{1} << 48;
constexpr int64_t kMaxScratchBytes = int64_t{1} << 32;
constexpr size_t kMaxRank = 16;

// Bytes of a tensor, or nothing when the shape is not one of memory.
std::optional<int64_t> checked_bytes(DType dtype, const Shape& shape) {
  if (shape.size() > kMaxRank) return std::nullopt;
  int64_t bytes = size_in_bytes(dtype);
  for (const int64_t extent : shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes) || bytes > kMaxBytes)
      return std::nullopt;
  return bytes;
}

bool is_symbol(std::string_view text) {
  return !text.empty() && text.size() <= 256 && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '$';
  });
}

// Sizes of what a region's indices count, in bytes.
struct Sizes {
  std::vector<int64_t> input, output, weight, packed, constant, state, arena;

  const std::vector<int64_t>& of(Region region) const {
    const std::array<const std::vector<int64_t>*, 7> all = {&input,    &output, &weight, &packed,
                                                            &constant, &state,  &arena};
    return *all[static_cast<size_t>(region)];
  }
};

Status add_tensors(const std::vector<PlanTensor>& tensors, std::string_view where,
                   std::vector<int64_t>& sizes) {
  for (const PlanTensor& tensor : tensors) {
    const std::optional<int64_t> bytes = checked_bytes(tensor.dtype, tensor.shape);
    if (!bytes)
      return error(ErrorCode::data_loss, "{}: tensor {} has the impossible shape {}", where,
                   quote(tensor.name), to_string(tensor.shape));
    sizes.push_back(*bytes);
  }
  return {};
}

Status add_size(std::string_view what, int64_t bytes, std::string_view where,
                std::vector<int64_t>& sizes) {
  if (bytes < 0 || bytes > kMaxBytes)
    return error(ErrorCode::data_loss, "{}: {} of {} bytes", where, what, bytes);
  sizes.push_back(bytes);
  return {};
}

Status add_constants(const Plan& plan, std::string_view where, std::vector<int64_t>& sizes) {
  for (const PlanConstant& constant : plan.constants) {
    const std::optional<int64_t> bytes = checked_bytes(constant.dtype, constant.shape);
    const auto data = base64_decode(constant.base64);
    if (!bytes || !data || static_cast<int64_t>(data->size()) != *bytes)
      return error(ErrorCode::data_loss, "{}: constant {} does not hold the bytes of its shape {}",
                   where, sizes.size(), to_string(constant.shape));
    sizes.push_back(*bytes);
  }
  return {};
}

Status check_kernels(const Plan& plan, std::string_view where) {
  for (const PlanKernel& kernel : plan.kernels)
    if (!is_symbol(kernel.symbol) || kernel.grid < 0 || kernel.scratch_bytes < 0 ||
        kernel.scratch_bytes > kMaxScratchBytes)
      return error(ErrorCode::data_loss, "{}: kernel {} with a grid of {} and {} bytes of scratch",
                   where, quote(kernel.symbol), kernel.grid, kernel.scratch_bytes);
  return {};
}

Status check_inputs(const Plan& plan, std::string_view where) {
  for (const PlanTensor& input : plan.inputs)
    if (input.stage == Stage::setup)
      return error(ErrorCode::data_loss, "{}: input {} is read by setup, which has only weights",
                   where, quote(input.name));
  return {};
}

// Setup must not touch what a plan's runs work on, as packed tensors are shared with other plans;
// it may write outputs of its own, kept layers that depend on weights alone. No stage may read an
// input that is set for a later one.
bool may_bind(const Plan& plan, Stage stage, const Binding& binding) {
  const Region region = binding.region;
  if (stage == Stage::setup && region == Region::output)
    return plan.outputs[binding.index].stage == Stage::setup;
  if (stage == Stage::setup)
    return region == Region::weight || region == Region::packed || region == Region::constant;
  return region != Region::input || plan.inputs[binding.index].stage <= stage;
}

Status check_launch(const Plan& plan, const Sizes& sizes, Stage stage, const PlanLaunch& launch,
                    std::string_view where) {
  if (launch.kernel < 0 || launch.kernel >= static_cast<int64_t>(plan.kernels.size()))
    return error(ErrorCode::data_loss, "{}: a {} launch of kernel {}, but there are {}", where,
                 name(stage), launch.kernel, plan.kernels.size());
  const PlanKernel& kernel = plan.kernels[launch.kernel];
  for (const int32_t parameter : kernel.writes)
    if (parameter < 0 || parameter >= static_cast<int64_t>(launch.bindings.size()))
      return error(ErrorCode::data_loss, "{}: {} writes parameter {}, but is given {}", where,
                   quote(kernel.symbol), parameter, launch.bindings.size());
  for (const Binding& binding : launch.bindings) {
    const std::vector<int64_t>& region = sizes.of(binding.region);
    const bool exists = binding.index >= 0 && binding.index < static_cast<int64_t>(region.size());
    if (!exists || binding.offset < 0 || binding.offset > region[binding.index] ||
        !may_bind(plan, stage, binding))
      return error(
          ErrorCode::data_loss,
          "{}: a {} launch of {} binds memory that is not there: region {} index {} offset {}",
          where, name(stage), quote(kernel.symbol), static_cast<int>(binding.region), binding.index,
          binding.offset);
  }
  return {};
}

}  // namespace

Status check_plan(const Plan& plan, std::string_view where) {
  Sizes sizes;
  TRY(add_tensors(plan.inputs, where, sizes.input));
  TRY(add_tensors(plan.outputs, where, sizes.output));
  TRY(add_tensors(plan.weights, where, sizes.weight));
  for (const PackedTensor& packed : plan.packed)
    TRY(add_size("a packed tensor", packed.bytes, where, sizes.packed));
  TRY(add_constants(plan, where, sizes.constant));
  TRY(add_size("a state", plan.state_bytes, where, sizes.state));
  TRY(add_size("an arena", plan.arena_bytes, where, sizes.arena));
  TRY(check_kernels(plan, where));
  TRY(check_inputs(plan, where));
  for (int s = 0; s < kStageCount; ++s)
    for (const PlanLaunch& launch : plan.launches[s])
      TRY(check_launch(plan, sizes, static_cast<Stage>(s), launch, where));
  return {};
}

}  // namespace tempera::runtime
