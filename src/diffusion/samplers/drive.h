#pragma once

#include <span>
#include <vector>

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// Runs a sampler by itself, on a formula in the place of the model and on given noise, so that it
// can be compared with another program's value by value.

// The formula: x / (1 + 0.05 x^2) + 0.0001 t, each operation rounded to f32.
float formula_model(float x, float timestep);

// The sample after each call. `sample` is the first one at the plan's level; `noises` holds tensors
// of its size one after another, taken in order. `invalid_argument` when they are too few.
Result<std::vector<std::vector<float>>> drive(const SamplerPlan& plan, std::vector<float> sample,
                                              std::span<const float> noises);

}  // namespace tempera::diffusion
