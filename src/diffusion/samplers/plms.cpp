// Pseudo linear multistep (https://arxiv.org/abs/2202.09778, eq. 9 and 12), diffusers'
// PNDMScheduler with skip_prk_steps: the second timestep is called twice, in the manner of Heun.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 1> kAliases = {"pndm"};
// The state: outputs from the newest to the oldest, then the sample of the first call.
constexpr size_t kOutputs = 4;
constexpr size_t kFirstSample = kOutputs;

Status plan_plms(SamplerPlan& plan) {
  if (plan.config.prediction == Prediction::sample)
    return unsupported_config(plan, "prediction_type 'sample'");
  set_alphas(plan, ZeroSnr::ignored);
  std::vector<double> timesteps = spaced_timesteps(plan, true);
  if (timesteps.size() > 1) timesteps.insert(timesteps.begin() + 1, timesteps[1]);
  for (size_t call = 0; call < timesteps.size(); ++call)
    plan.step_of_call.push_back(call == 0 ? 0 : call - 1);
  TRY(set_alpha_schedule(plan, timesteps, plan.config.set_alpha_to_one.value_or(false)));
  const int64_t total = plan.config.num_train_timesteps;
  if (timesteps.size() > 1 &&
      timesteps[1] + static_cast<double>(total / plan.steps) >= static_cast<double>(total))
    return error(ErrorCode::invalid_argument,
                 "sampler plms with {} steps and this timestep spacing goes beyond the model's {} "
                 "timesteps; use another number of steps",
                 plan.steps, total);
  return {};
}

// The output to step with: Adams-Bashforth over the outputs so far, after two starting calls.
float extrapolate(const SamplerState& state, size_t call, float output, size_t i) {
  const auto& e = state.history;
  switch (std::min<size_t>(call, 4)) {
    case 0:
      return output;
    case 1:
      return (output + e[0][i]) / 2.0f;
    case 2:
      return (3.0f * e[0][i] - e[1][i]) / 2.0f;
    case 3:
      return (23.0f * e[0][i] - 16.0f * e[1][i] + 5.0f * e[2][i]) / 12.0f;
    default:
      return static_cast<float>(1.0 / 24.0) *
             (55.0f * e[0][i] - 59.0f * e[1][i] + 37.0f * e[2][i] - 9.0f * e[3][i]);
  }
}

void remember(SamplerState& state, std::span<const float> output) {
  auto outputs = std::span(state.history).first(kOutputs);
  std::rotate(outputs.begin(), outputs.end() - 1, outputs.end());
  std::ranges::copy(output, outputs[0].begin());
}

// Eq. 9 as x' = signal * x - noise * e / divisor.
struct Coefficients {
  float signal;
  float noise;
  float divisor;
};

Coefficients coefficients(float from, float to) {
  return {std::sqrt(to / from), to - from,
          from * std::sqrt(1.0f - to) + std::sqrt(from * (1.0f - from) * to)};
}

void step_plms(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
               std::span<float> sample) {
  const int64_t ratio = plan.config.num_train_timesteps / plan.steps;
  const auto timestep = static_cast<int64_t>(plan.timesteps[input.call]);
  // The second call repeats the first step, with the mean of the outputs at its two ends.
  const bool again = input.call == 1;
  const float from = alpha_from(plan, again ? timestep + ratio : timestep);
  const float to = alpha_to(plan, again ? timestep : timestep - ratio);
  std::vector<float>& first_sample = state.history[kFirstSample];
  if (input.call == 0) std::ranges::copy(sample, first_sample.begin());
  if (again) std::ranges::copy(first_sample, sample.begin());
  if (!again) remember(state, input.output);
  const Coefficients c = coefficients(from, to);
  const bool velocity = plan.config.prediction == Prediction::v_prediction;
  for (size_t i = 0; i < sample.size(); ++i) {
    float output = extrapolate(state, input.call, input.output[i], i);
    if (velocity) output = std::sqrt(from) * output + std::sqrt(1.0f - from) * sample[i];
    sample[i] = c.signal * sample[i] - c.noise * output / c.divisor;
  }
}

}  // namespace

const Sampler kPlms = {.name = "plms",
                       .title = "PLMS",
                       .diffusers_class = "PNDMScheduler",
                       .aliases = kAliases,
                       .schedules = kDiscreteSchedules,
                       .default_schedule = Schedule::discrete,
                       .default_spacing = TimestepSpacing::leading,
                       .scales_input = false,
                       .history = kOutputs + 1,
                       .plan = plan_plms,
                       .step = step_plms};

}  // namespace tempera::diffusion
