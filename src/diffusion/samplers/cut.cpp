#include <algorithm>

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {
namespace {

template <typename T>
void drop_front(std::vector<T>& values, size_t count) {
  if (!values.empty()) values.erase(values.begin(), values.begin() + static_cast<int64_t>(count));
}

}  // namespace

Result<SamplerPlan> cut(SamplerPlan plan, double strength) {
  if (!(strength >= 0.0 && strength <= 1.0))
    return error(ErrorCode::invalid_argument, "the strength {} is not within 0 to 1", strength);
  const auto kept =
      std::min(static_cast<int64_t>(static_cast<double>(plan.steps) * strength), plan.steps);
  if (kept < 1)
    return error(ErrorCode::invalid_argument,
                 "no step is left of {} at strength {}; use more steps or a higher strength",
                 plan.steps, strength);
  plan.begin = static_cast<size_t>(plan.steps - kept) * plan.sampler->calls_per_step;
  drop_front(plan.timesteps, plan.begin);
  drop_front(plan.sigmas, plan.begin);
  drop_front(plan.input_sigmas, plan.begin);
  drop_front(plan.weights, plan.begin);
  drop_front(plan.draws, plan.begin);
  drop_front(plan.step_of_call, plan.begin);
  return plan;
}

}  // namespace tempera::diffusion
