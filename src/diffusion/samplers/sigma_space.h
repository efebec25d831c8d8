#pragma once

#include <span>
#include <vector>

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// What the samplers share whose sample is x0 + sigma * noise, and whose timesteps are fractional.

// A step's timestep and sigma, falling, without the final sigma.
struct SigmaSteps {
  std::vector<double> timesteps;
  std::vector<double> sigmas;
};
// By the plan's spacing and schedule; `levels` is the sigma of each training timestep. `rounded`:
// the timesteps of karras sigmas are rounded to integers.
SigmaSteps sigma_steps(const SamplerPlan& plan, std::span<const float> levels,
                       bool rounded = false);

// a b c -> a b b c c, for samplers that call twice at each level but the first.
void repeat_all_but_first(std::vector<double>& values);

// An ancestral step from sigma: down past `next`, then noise of `up` back to it.
struct AncestralStep {
  float down;
  float up;
};
AncestralStep ancestral_step(float sigma, float next);

// Sets init_noise_sigma from the plan's sigmas and spacing.
void set_initial_noise(SamplerPlan& plan);

// x0 from the sample and what the model gave for the scaled sample.
float predict_original(Prediction kind, float sigma, float sample, float output);

// The inverse: what the model would have to give for that x0.
float output_of(Prediction kind, float sigma, float sample, float original);

}  // namespace tempera::diffusion
