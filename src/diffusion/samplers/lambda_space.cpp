#include "diffusion/samplers/lambda_space.h"

#include <algorithm>
#include <cmath>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/noise_schedule.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

// The number of training timesteps whose lambda is not below the config's clip.
int64_t usable_timesteps(const SamplerPlan& plan, LambdaClip clip) {
  if (clip == LambdaClip::ignored) return plan.config.num_train_timesteps;
  const auto lowest = static_cast<float>(plan.config.lambda_min_clipped);
  return std::ranges::count_if(plan.alphas_cumprod, [lowest](float alpha) {
    return std::log(std::sqrt(alpha)) - std::log(std::sqrt(1.0f - alpha)) >= lowest;
  });
}

std::vector<double> discrete_timesteps(const SamplerPlan& plan, int64_t usable) {
  const int64_t total = plan.config.num_train_timesteps;
  std::vector<double> timesteps;
  switch (plan.spacing) {
    case TimestepSpacing::linspace:
      timesteps = linspace_timesteps(static_cast<double>(usable - 1), plan.steps + 1);
      round_all(timesteps);
      break;
    case TimestepSpacing::leading:
      timesteps =
          leading_timesteps(usable / (plan.steps + 1), plan.steps + 1, plan.config.steps_offset);
      break;
    case TimestepSpacing::trailing:
      return trailing_timesteps(static_cast<double>(usable),
                                static_cast<double>(total) / static_cast<double>(plan.steps));
  }
  timesteps.pop_back();
  return timesteps;
}

}  // namespace

Point point(float level) {
  const float alpha = 1.0f / std::sqrt(level * level + 1.0f);
  const float sigma = level * alpha;
  return {alpha, sigma, std::log(alpha) - std::log(sigma)};
}

float predict_original(Prediction kind, const Point& at, float sample, float output) {
  return predict(kind, {at.alpha, at.sigma}, sample, output).original;
}

Status check_lambda_config(const SamplerPlan& plan) {
  const SchedulerConfig& config = plan.config;
  if (config.thresholding) return unsupported_config(plan, "thresholding");
  if (config.use_lu_lambdas) return unsupported_config(plan, "use_lu_lambdas");
  if (config.use_flow_sigmas) return unsupported_config(plan, "use_flow_sigmas");
  if (config.variance_type.starts_with("learned"))
    return unsupported_config(plan, "variance_type " + config.variance_type);
  return {};
}

SigmaSteps lambda_steps(const SamplerPlan& plan, LambdaClip clip, bool rounded) {
  const std::vector<float> levels = noise_levels(plan.alphas_cumprod);
  SigmaSteps steps;
  if (spreads_sigmas(plan.schedule)) {
    steps.sigmas = spread_sigmas(plan, levels.front(), levels.back());
    for (const double sigma : steps.sigmas) steps.timesteps.push_back(timestep_at(levels, sigma));
    if (rounded && plan.schedule == Schedule::karras) round_all(steps.timesteps);
    for (double& timestep : steps.timesteps) timestep = std::trunc(timestep);
  } else {
    steps.timesteps = discrete_timesteps(plan, usable_timesteps(plan, clip));
    for (const double timestep : steps.timesteps)
      steps.sigmas.push_back(sigma_at(levels, timestep));
  }
  return steps;
}

size_t full_steps(const SamplerPlan& plan) { return plan.begin + plan.timesteps.size(); }

}  // namespace tempera::diffusion
