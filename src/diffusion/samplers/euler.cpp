// Euler's method in sigma space (https://arxiv.org/abs/2206.00364, algorithm 2 without churn),
// diffusers' EulerDiscreteScheduler.
#include <array>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/sampler_table.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 1> kAliases = {"keuler"};

Status check_config(const SamplerPlan& plan) {
  if (plan.config.interpolation_type != "linear")
    return unsupported_config(plan, "interpolation_type " + plan.config.interpolation_type);
  if (plan.config.timestep_type != "discrete")
    return unsupported_config(plan, "timestep_type " + plan.config.timestep_type);
  return {};
}

Status plan_euler(SamplerPlan& plan) {
  TRY(check_config(plan));
  set_alphas(plan, ZeroSnr::clamped);
  const std::vector<float> levels = noise_levels(plan.alphas_cumprod);
  const SigmaSteps steps = sigma_steps(plan, levels);
  set_schedule(plan, steps.timesteps, steps.sigmas);
  set_initial_noise(plan);
  return {};
}

void step_euler(const SamplerPlan& plan, const StepInput& input, SamplerState&,
                std::span<float> sample) {
  const float sigma = plan.sigmas[input.call];
  const float step = plan.sigmas[input.call + 1] - sigma;
  for (size_t i = 0; i < sample.size(); ++i) {
    const float original =
        predict_original(plan.config.prediction, sigma, sample[i], input.output[i]);
    sample[i] += (sample[i] - original) / sigma * step;
  }
}

}  // namespace

const Sampler kEuler = {.name = "euler",
                        .title = "Euler",
                        .diffusers_class = "EulerDiscreteScheduler",
                        .aliases = kAliases,
                        .schedules = kSigmaSchedules,
                        .default_schedule = Schedule::discrete,
                        .default_spacing = TimestepSpacing::linspace,
                        .scales_input = true,
                        .history = 0,
                        .has_zero_snr = true,
                        .plan = plan_euler,
                        .step = step_euler};

}  // namespace tempera::diffusion
