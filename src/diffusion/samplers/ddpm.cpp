// Ancestral sampling of the trained chain (https://arxiv.org/abs/2006.11239, eq. 6 and 7),
// diffusers' DDPMScheduler.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/alpha_space.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 0> kAliases = {};

Status check_config(const SamplerPlan& plan) {
  if (plan.config.thresholding) return unsupported_config(plan, "thresholding");
  const std::string& variance = plan.config.variance_type;
  if (!variance.empty() && variance != "fixed_small" && variance != "fixed_small_log" &&
      variance != "fixed_large")
    return unsupported_config(plan, "variance_type " + variance);
  return {};
}

Status plan_ddpm(SamplerPlan& plan) {
  TRY(check_config(plan));
  set_alphas(plan, ZeroSnr::exact);
  TRY(set_alpha_schedule(plan, spaced_timesteps(plan, true), true));
  for (const float timestep : plan.timesteps)
    plan.draws.emplace_back(timestep > 0.0f ? 1 : 0, NoiseDraw{});
  return {};
}

// x' = original * x0 + sample * x + deviation * noise.
struct Coefficients {
  float original;
  float sample;
  float deviation;
};

Coefficients coefficients(const SamplerPlan& plan, float alpha, float next) {
  const float step_alpha = alpha / next;
  const float step_beta = 1.0f - step_alpha;
  const float small = (1.0f - next) / (1.0f - alpha) * step_beta;
  const bool large = plan.config.variance_type == "fixed_large";
  return {std::sqrt(next) * step_beta / (1.0f - alpha),
          std::sqrt(step_alpha) * (1.0f - next) / (1.0f - alpha),
          std::sqrt(large ? step_beta : std::max(small, 1e-20f))};
}

void step_ddpm(const SamplerPlan& plan, const StepInput& input, SamplerState&,
               std::span<float> sample) {
  const size_t following = input.call + 1;
  const bool is_last = following == plan.timesteps.size();
  const float alpha = alpha_from(plan, static_cast<int64_t>(plan.timesteps[input.call]));
  const float next =
      is_last ? 1.0f : alpha_to(plan, static_cast<int64_t>(plan.timesteps[following]));
  const Coefficients c = coefficients(plan, alpha, next);
  const Mix at = mix_of(alpha);
  const bool clips = plan.config.clip_sample.value_or(true);
  const auto range = static_cast<float>(plan.config.clip_sample_range);
  for (size_t i = 0; i < sample.size(); ++i) {
    float original = predict(plan.config.prediction, at, sample[i], input.output[i]).original;
    if (clips) original = std::clamp(original, -range, range);
    sample[i] = c.original * original + c.sample * sample[i];
    if (!input.noise.empty()) sample[i] += c.deviation * input.noise[i];
  }
}

}  // namespace

const Sampler kDdpm = {.name = "ddpm",
                       .title = "DDPM",
                       .diffusers_class = "DDPMScheduler",
                       .aliases = kAliases,
                       .schedules = kDiscreteSchedules,
                       .default_schedule = Schedule::discrete,
                       .default_spacing = TimestepSpacing::leading,
                       .scales_input = false,
                       .history = 0,
                       .has_zero_snr = true,
                       .plan = plan_ddpm,
                       .step = step_ddpm};

}  // namespace tempera::diffusion
