// DDIM (https://arxiv.org/abs/2010.02502, eq. 12 and 16), diffusers' DDIMScheduler.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/alpha_space.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 1> kAliases = {"kddim"};

Status plan_ddim(SamplerPlan& plan) {
  if (plan.config.thresholding) return unsupported_config(plan, "thresholding");
  set_alphas(plan, ZeroSnr::exact);
  TRY(set_alpha_schedule(plan, spaced_timesteps(plan, true),
                         plan.config.set_alpha_to_one.value_or(true)));
  if (plan.eta > 0.0) draw_every_step(plan);
  return {};
}

void step_ddim(const SamplerPlan& plan, const StepInput& input, SamplerState&,
               std::span<float> sample) {
  const auto timestep = static_cast<int64_t>(plan.timesteps[input.call]);
  const float alpha = alpha_from(plan, timestep);
  const float next = alpha_to(plan, timestep - plan.config.num_train_timesteps / plan.steps);
  const Mix at = mix_of(alpha);
  const float variance = (1.0f - next) / (1.0f - alpha) * (1.0f - alpha / next);
  const float deviation =
      plan.eta > 0.0 ? static_cast<float>(plan.eta) * std::sqrt(variance) : 0.0f;
  const float signal = std::sqrt(next);
  const float direction = std::sqrt(1.0f - next - deviation * deviation);
  const bool clips = plan.config.clip_sample.value_or(true);
  const auto range = static_cast<float>(plan.config.clip_sample_range);
  for (size_t i = 0; i < sample.size(); ++i) {
    Predicted predicted = predict(plan.config.prediction, at, sample[i], input.output[i]);
    if (clips) predicted.original = std::clamp(predicted.original, -range, range);
    sample[i] = signal * predicted.original + direction * predicted.noise;
    if (plan.eta > 0.0) sample[i] += deviation * input.noise[i];
  }
}

}  // namespace

const Sampler kDdim = {.name = "ddim",
                       .title = "DDIM",
                       .diffusers_class = "DDIMScheduler",
                       .aliases = kAliases,
                       .schedules = kDiscreteSchedules,
                       .default_schedule = Schedule::discrete,
                       .default_spacing = TimestepSpacing::leading,
                       .scales_input = false,
                       .history = 0,
                       .default_eta = 0.0,
                       .has_zero_snr = true,
                       .plan = plan_ddim,
                       .step = step_ddim};

}  // namespace tempera::diffusion
