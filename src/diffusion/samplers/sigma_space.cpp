#include "diffusion/samplers/sigma_space.h"

#include <algorithm>
#include <cmath>

#include "diffusion/samplers/noise_schedule.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {

std::vector<double> fractional_timesteps(const SamplerPlan& plan) {
  std::vector<double> timesteps = spaced_timesteps(plan, false);
  for (double& timestep : timesteps) timestep = static_cast<float>(timestep);
  return timesteps;
}

std::vector<double> sigmas_at(std::span<const float> levels, const std::vector<double>& timesteps) {
  std::vector<double> sigmas(timesteps.size());
  std::ranges::transform(timesteps, sigmas.begin(),
                         [&](double timestep) { return sigma_at(levels, timestep); });
  return sigmas;
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

}  // namespace tempera::diffusion
