#include "diffusion/samplers/sigma_space.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "diffusion/samplers/noise_schedule.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {

SigmaSteps sigma_steps(const SamplerPlan& plan, std::span<const float> levels, bool rounded) {
  SigmaSteps steps{spaced_timesteps(plan, false), {}};
  for (double& timestep : steps.timesteps) {
    timestep = static_cast<float>(timestep);
    steps.sigmas.push_back(sigma_at(levels, timestep));
  }
  if (!spreads_sigmas(plan.schedule)) return steps;
  steps.sigmas = spread_sigmas(plan, steps.sigmas.back(), steps.sigmas.front());
  steps.timesteps.clear();
  for (const double sigma : steps.sigmas) steps.timesteps.push_back(timestep_at(levels, sigma));
  if (rounded && plan.schedule == Schedule::karras) round_all(steps.timesteps);
  return steps;
}

void repeat_all_but_first(std::vector<double>& values) {
  std::vector<double> repeated;
  for (size_t i = 0; i < values.size(); ++i)
    repeated.insert(repeated.end(), i == 0 ? 1 : 2, values[i]);
  values = std::move(repeated);
}

AncestralStep ancestral_step(float sigma, float next) {
  const float up = std::sqrt(next * next * (sigma * sigma - next * next) / (sigma * sigma));
  return {std::sqrt(next * next - up * up), up};
}

void set_initial_noise(SamplerPlan& plan) {
  const float largest = *std::ranges::max_element(plan.sigmas);
  plan.init_noise_sigma =
      plan.spacing == TimestepSpacing::leading ? std::sqrt(largest * largest + 1.0f) : largest;
}

float predict_original(Prediction kind, float sigma, float sample, float output) {
  const float scale = sigma * sigma + 1.0f;
  switch (kind) {
    case Prediction::epsilon:
      return sample - sigma * output;
    case Prediction::v_prediction:
      return output * (-sigma / std::sqrt(scale)) + sample / scale;
    case Prediction::sample:
      return output;
  }
  CHECK(false, "a prediction without a case");
}

float output_of(Prediction kind, float sigma, float sample, float original) {
  const float scale = sigma * sigma + 1.0f;
  switch (kind) {
    case Prediction::epsilon:
      return (sample - original) / sigma;
    case Prediction::v_prediction:
      return (sample / scale - original) * (std::sqrt(scale) / sigma);
    case Prediction::sample:
      return original;
  }
  CHECK(false, "a prediction without a case");
}

}  // namespace tempera::diffusion
