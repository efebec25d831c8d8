#include "diffusion/samplers/consistency.h"

#include <cmath>

#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

Status check_config(const SamplerPlan& plan) {
  const int64_t total = plan.config.num_train_timesteps;
  const int64_t original = plan.config.original_inference_steps;
  if (plan.config.thresholding) return unsupported_config(plan, "thresholding");
  if (original < 1 || original > total)
    return unsupported_config(plan, fmt::format("original_inference_steps {}", original));
  if (plan.steps > original)
    return error(ErrorCode::invalid_argument,
                 "sampler {} with {} steps: its model was distilled with {}; use fewer steps",
                 plan.sampler->name, plan.steps, original);
  return {};
}

}  // namespace

Status plan_consistency(SamplerPlan& plan, bool draws) {
  TRY(check_config(plan));
  const int64_t original = plan.config.original_inference_steps;
  const int64_t ratio = plan.config.num_train_timesteps / original;
  const double step = static_cast<double>(original) / static_cast<double>(plan.steps);
  std::vector<double> timesteps;
  for (int64_t i = 0; i < plan.steps; ++i) {
    const auto skipped = static_cast<int64_t>(std::floor(static_cast<double>(i) * step));
    timesteps.push_back(static_cast<double>((original - skipped) * ratio - 1));
  }
  set_alphas(plan, ZeroSnr::exact);
  TRY(set_alpha_schedule(plan, timesteps, plan.config.set_alpha_to_one.value_or(true)));
  if (!draws) return {};
  draw_every_step(plan);
  plan.draws.back().clear();
  return {};
}

}  // namespace tempera::diffusion
