#pragma once

#include <span>

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// Clean latents with unit noise at the level of a call (or after the last, of the plan's end):
// x0 + sigma * noise where the sampler scales its input, else sqrt(a) * x0 + sqrt(1 - a) * noise.
// `original` and `noise` are of equal size, and so is `noised`, which may be either of them.
void add_noise(const SamplerPlan& plan, size_t call, std::span<const float> original,
               std::span<const float> noise, std::span<float> noised);

}  // namespace tempera::diffusion
