// DPM-Solver-2 in sigma space (https://arxiv.org/abs/2206.00927): a second call at the geometric
// mean of the step's ends, except for the last step; diffusers' KDPM2DiscreteScheduler and, with
// fresh noise after a step down past the next sigma, KDPM2AncestralDiscreteScheduler.
#include <array>
#include <cmath>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/noise_schedule.h"
#include "diffusion/samplers/sampler_table.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"kdpm2", "kdpm2discrete"};
constexpr std::array<std::string_view, 4> kAncestralAliases = {
    "kdpm2a", "dpm2ancestral", "kdpm2ancestral", "kdpm2ancestraldiscrete"};

float geometric_mean(float a, float b) { return std::exp((std::log(a) + std::log(b)) * 0.5f); }

// The sigma of a step's second call; 0, where there is none.
using Middle = float (*)(float sigma, float next);

float middle(float sigma, float next) { return next > 0.0f ? geometric_mean(sigma, next) : 0.0f; }

float ancestral_middle(float sigma, float next) {
  return next > 0.0f ? geometric_mean(sigma, ancestral_step(sigma, next).down) : 0.0f;
}

// The class's own list of sigmas: each but the first twice, and the final one once more.
std::vector<float> doubled_sigmas(const std::vector<double>& sigmas) {
  std::vector<double> doubled = sigmas;
  doubled.push_back(0.0);
  repeat_all_but_first(doubled);
  doubled.push_back(0.0);
  return {doubled.begin(), doubled.end()};
}

Status plan_midpoints(SamplerPlan& plan, Middle middle_of) {
  if (plan.config.prediction == Prediction::sample)
    return unsupported_config(plan, "prediction_type 'sample'");
  set_alphas(plan, ZeroSnr::ignored);
  const std::vector<float> levels = noise_levels(plan.alphas_cumprod);
  const SigmaSteps steps = sigma_steps(plan, levels, true);
  plan.sigmas = doubled_sigmas(steps.sigmas);
  for (size_t i = 0; i < steps.sigmas.size(); ++i) {
    plan.timesteps.push_back(static_cast<float>(steps.timesteps[i]));
    plan.input_sigmas.push_back(static_cast<float>(steps.sigmas[i]));
    if (i + 1 == steps.sigmas.size()) break;
    const float between = middle_of(plan.sigmas[2 * i], plan.sigmas[2 * i + 1]);
    plan.timesteps.push_back(static_cast<float>(timestep_at(levels, between)));
    plan.input_sigmas.push_back(between);
  }
  set_initial_noise(plan);
  return {};
}

Status plan_dpm2(SamplerPlan& plan) { return plan_midpoints(plan, middle); }

Status plan_dpm2_a(SamplerPlan& plan) {
  TRY(plan_midpoints(plan, ancestral_middle));
  for (size_t call = 0; call < plan.timesteps.size(); ++call)
    plan.draws.emplace_back(call % 2, NoiseDraw{});
  return {};
}

// Both calls of a step go on from the sample of the first, kept in the state, with the derivative
// of their own; `noise` is empty where `up` is 0.
void step_dpm2(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
               std::span<float> sample, float end, float up) {
  const bool again = input.call % 2 == 1;
  const float start = plan.sigmas[again ? input.call - 1 : input.call];
  const float sigma = plan.input_sigmas[input.call];
  std::vector<float>& first = state.history[0];
  for (size_t i = 0; i < sample.size(); ++i) {
    const float original =
        predict_original(plan.config.prediction, sigma, sample[i], input.output[i]);
    const float slope = (sample[i] - original) / sigma;
    if (!again) first[i] = sample[i];
    sample[i] = first[i] + slope * (end - start);
    if (!input.noise.empty()) sample[i] += input.noise[i] * up;
  }
}

// Where a step's first call goes: the middle, or 0 in the last step.
float first_end(const SamplerPlan& plan, size_t call) {
  return call + 1 < plan.input_sigmas.size() ? plan.input_sigmas[call + 1] : 0.0f;
}

void step_plain(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                std::span<float> sample) {
  const bool again = input.call % 2 == 1;
  const float end = again ? plan.sigmas[input.call] : first_end(plan, input.call);
  step_dpm2(plan, input, state, sample, end, 0.0f);
}

void step_ancestral(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                    std::span<float> sample) {
  if (input.call % 2 == 0)
    return step_dpm2(plan, input, state, sample, first_end(plan, input.call), 0.0f);
  const AncestralStep to = ancestral_step(plan.sigmas[input.call - 1], plan.sigmas[input.call]);
  step_dpm2(plan, input, state, sample, to.down, to.up);
}

}  // namespace

const Sampler kDpm2 = {.name = "dpm2",
                       .title = "DPM2",
                       .diffusers_class = "KDPM2DiscreteScheduler",
                       .aliases = kAliases,
                       .schedules = kSigmaSchedules,
                       .default_schedule = Schedule::discrete,
                       .default_spacing = TimestepSpacing::linspace,
                       .scales_input = true,
                       .history = 1,
                       .calls_per_step = 2,
                       .plan = plan_dpm2,
                       .step = step_plain};

const Sampler kDpm2Ancestral = {.name = "dpm2_a",
                                .title = "DPM2 a",
                                .diffusers_class = "KDPM2AncestralDiscreteScheduler",
                                .aliases = kAncestralAliases,
                                .schedules = kSigmaSchedules,
                                .default_schedule = Schedule::discrete,
                                .default_spacing = TimestepSpacing::linspace,
                                .scales_input = true,
                                .history = 1,
                                .calls_per_step = 2,
                                .plan = plan_dpm2_a,
                                .step = step_ancestral};

}  // namespace tempera::diffusion
