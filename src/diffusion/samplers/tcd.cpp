// Trajectory consistency distillation (https://arxiv.org/abs/2402.19159, algorithm 4), diffusers'
// TCDScheduler.
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

Status plan_tcd(SamplerPlan& plan) { return plan_consistency(plan, plan.eta > 0.0); }

void step_tcd(const SamplerPlan& plan, const StepInput& input, SamplerState&,
              std::span<float> sample) {
  const bool is_last = input.call + 1 == plan.timesteps.size();
  const float next_timestep = is_last ? 0.0f : plan.timesteps[input.call + 1];
  // The model's step goes past the next timestep; noise leads back up to it.
  const float past = std::floor(static_cast<float>(1.0 - plan.eta) * next_timestep);
  const Mix at = mix_of(alpha_from(plan, static_cast<int64_t>(plan.timesteps[input.call])));
  const float past_alpha = alpha_from(plan, static_cast<int64_t>(past));
  const Mix to = mix_of(past_alpha);
  const Mix back = mix_of(alpha_to(plan, static_cast<int64_t>(next_timestep)) / past_alpha);
  for (size_t i = 0; i < sample.size(); ++i) {
    const Predicted predicted = predict(plan.config.prediction, at, sample[i], input.output[i]);
    sample[i] = to.signal * predicted.original + to.noise * predicted.noise;
    if (!input.noise.empty()) sample[i] = back.signal * sample[i] + back.noise * input.noise[i];
  }
}

}  // namespace

const Sampler kTcd = {.name = "tcd",
                      .title = "TCD",
                      .diffusers_class = "TCDScheduler",
                      .aliases = kAliases,
                      .schedules = kSchedules,
                      .default_schedule = Schedule::discrete,
                      .default_spacing = TimestepSpacing::leading,
                      .scales_input = false,
                      .history = 0,
                      .default_eta = 0.3,
                      .has_zero_snr = true,
                      .plan = plan_tcd,
                      .step = step_tcd};

}  // namespace tempera::diffusion
