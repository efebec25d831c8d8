// Latent consistency models (https://arxiv.org/abs/2310.04378, algorithm 3), diffusers'
// LCMScheduler.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/alpha_space.h"
#include "diffusion/samplers/consistency.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 0> kAliases = {};
// The timesteps are the distillation's, whatever the spacing.
constexpr std::array kSchedules = {Schedule::discrete};

Status plan_lcm(SamplerPlan& plan) { return plan_consistency(plan, true); }

// The boundary condition's scalings: denoised = out * x0 + skip * x.
struct Scalings {
  float out;
  float skip;
};

Scalings scalings(const SamplerPlan& plan, float timestep) {
  constexpr float kVariance = 0.25f;  // of the data
  const float scaled = timestep * static_cast<float>(plan.config.timestep_scaling);
  const float sum = scaled * scaled + kVariance;
  return {scaled / std::sqrt(sum), kVariance / sum};
}

void step_lcm(const SamplerPlan& plan, const StepInput& input, SamplerState&,
              std::span<float> sample) {
  const float timestep = plan.timesteps[input.call];
  const bool is_last = input.call + 1 == plan.timesteps.size();
  const Mix at = mix_of(alpha_from(plan, static_cast<int64_t>(timestep)));
  const Mix next =
      is_last ? Mix{1.0f, 0.0f}
              : mix_of(alpha_to(plan, static_cast<int64_t>(plan.timesteps[input.call + 1])));
  const Scalings c = scalings(plan, timestep);
  const bool clips = plan.config.clip_sample.value_or(false);
  const auto range = static_cast<float>(plan.config.clip_sample_range);
  for (size_t i = 0; i < sample.size(); ++i) {
    float original = predict(plan.config.prediction, at, sample[i], input.output[i]).original;
    if (clips) original = std::clamp(original, -range, range);
    sample[i] = c.out * original + c.skip * sample[i];
    if (!is_last) sample[i] = next.signal * sample[i] + next.noise * input.noise[i];
  }
}

}  // namespace

const Sampler kLcm = {.name = "lcm",
                      .title = "LCM",
                      .diffusers_class = "LCMScheduler",
                      .aliases = kAliases,
                      .schedules = kSchedules,
                      .default_schedule = Schedule::discrete,
                      .default_spacing = TimestepSpacing::leading,
                      .scales_input = false,
                      .history = 0,
                      .has_zero_snr = true,
                      .plan = plan_lcm,
                      .step = step_lcm};

}  // namespace tempera::diffusion
