#include "diffusion/samplers/add_noise.h"

#include <cmath>

#include "base/check.h"

namespace tempera::diffusion {

void add_noise(const SamplerPlan& plan, size_t call, std::span<const float> original,
               std::span<const float> noise, std::span<float> noised) {
  CHECK(call < plan.sigmas.size(), "call {} of {}", call, plan.timesteps.size());
  CHECK(original.size() == noise.size() && noised.size() == noise.size(), "{} and {} for {}",
        original.size(), noise.size(), noised.size());
  const float sigma = plan.sigmas[call];
  const float signal = plan.sampler->scales_input ? 1.0f : 1.0f / std::sqrt(sigma * sigma + 1.0f);
  // No signal is left at an infinite sigma.
  const float level = std::isinf(sigma) ? 1.0f : sigma * signal;
  for (size_t i = 0; i < noised.size(); ++i) noised[i] = signal * original[i] + level * noise[i];
}

}  // namespace tempera::diffusion
