// Heun's method in sigma space (https://arxiv.org/abs/2206.00364, algorithm 1 without churn):
// a second call at the step's end, except for the last; diffusers' HeunDiscreteScheduler.
#include <algorithm>
#include <array>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/sampler_table.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"kheun", "heundiscrete"};

// The state: the derivative and the sample of the step's first call.
constexpr size_t kDerivative = 0;
constexpr size_t kSample = 1;
constexpr size_t kTensors = 2;

Status plan_heun(SamplerPlan& plan) {
  set_alphas(plan, ZeroSnr::ignored);
  SigmaSteps steps = sigma_steps(plan, noise_levels(plan.alphas_cumprod));
  repeat_all_but_first(steps.timesteps);
  repeat_all_but_first(steps.sigmas);
  plan.config.final_sigma = FinalSigma::zero;  // the class has no such setting
  set_schedule(plan, steps.timesteps, steps.sigmas);
  set_initial_noise(plan);
  return {};
}

void step_heun(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
               std::span<float> sample) {
  const bool again = input.call % 2 == 1;
  const float sigma = plan.sigmas[input.call];
  const float step =
      again ? sigma - plan.sigmas[input.call - 1] : plan.sigmas[input.call + 1] - sigma;
  std::vector<float>& derivative = state.history[kDerivative];
  std::vector<float>& first = state.history[kSample];
  const bool clips = plan.config.clip_sample.value_or(false);
  const auto range = static_cast<float>(plan.config.clip_sample_range);
  for (size_t i = 0; i < sample.size(); ++i) {
    float original = predict_original(plan.config.prediction, sigma, sample[i], input.output[i]);
    if (clips) original = std::clamp(original, -range, range);
    const float slope = (sample[i] - original) / sigma;
    if (again) {
      sample[i] = first[i] + (derivative[i] + slope) / 2.0f * step;
    } else {
      derivative[i] = slope;
      first[i] = sample[i];
      sample[i] += slope * step;
    }
  }
}

}  // namespace

const Sampler kHeun = {.name = "heun",
                       .title = "Heun",
                       .diffusers_class = "HeunDiscreteScheduler",
                       .aliases = kAliases,
                       .schedules = kSigmaSchedules,
                       .default_schedule = Schedule::discrete,
                       .default_spacing = TimestepSpacing::linspace,
                       .scales_input = true,
                       .history = kTensors,
                       .calls_per_step = 2,
                       .plan = plan_heun,
                       .step = step_heun};

}  // namespace tempera::diffusion
