// Ancestral sampling with Euler steps: a step down past the next sigma, then fresh noise up to it;
// diffusers' EulerAncestralDiscreteScheduler.
#include <array>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/sampler_table.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 3> kAliases = {"keulera", "eulerancestral",
                                                      "keulerancestral"};

Status plan_euler_a(SamplerPlan& plan) {
  if (plan.config.prediction == Prediction::sample)
    return unsupported_config(plan, "prediction_type 'sample'");
  set_alphas(plan, ZeroSnr::clamped);
  const std::vector<float> levels = noise_levels(plan.alphas_cumprod);
  const SigmaSteps steps = sigma_steps(plan, levels);
  plan.config.final_sigma = FinalSigma::zero;  // the class has no such setting
  set_schedule(plan, steps.timesteps, steps.sigmas);
  set_initial_noise(plan);
  draw_every_step(plan);
  return {};
}

void step_euler_a(const SamplerPlan& plan, const StepInput& input, SamplerState&,
                  std::span<float> sample) {
  const float sigma = plan.sigmas[input.call];
  const AncestralStep to = ancestral_step(sigma, plan.sigmas[input.call + 1]);
  for (size_t i = 0; i < sample.size(); ++i) {
    const float original =
        predict_original(plan.config.prediction, sigma, sample[i], input.output[i]);
    sample[i] += (sample[i] - original) / sigma * (to.down - sigma);
    sample[i] += input.noise[i] * to.up;
  }
}

}  // namespace

const Sampler kEulerAncestral = {.name = "euler_a",
                                 .title = "Euler a",
                                 .diffusers_class = "EulerAncestralDiscreteScheduler",
                                 .aliases = kAliases,
                                 .schedules = kDiscreteSchedules,
                                 .default_schedule = Schedule::discrete,
                                 .default_spacing = TimestepSpacing::linspace,
                                 .scales_input = true,
                                 .history = 0,
                                 .has_zero_snr = true,
                                 .plan = plan_euler_a,
                                 .step = step_euler_a};

}  // namespace tempera::diffusion
