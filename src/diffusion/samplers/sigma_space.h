#pragma once

#include <span>
#include <vector>

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// What the Euler samplers share: the sample is x0 + sigma * noise, and timesteps are fractional.

// Timesteps by the plan's spacing, rounded to f32 as diffusers keeps them.
std::vector<double> fractional_timesteps(const SamplerPlan& plan);

// sigma_at of each timestep.
std::vector<double> sigmas_at(std::span<const float> levels, const std::vector<double>& timesteps);

// Sets init_noise_sigma from the plan's sigmas and spacing.
void set_initial_noise(SamplerPlan& plan);

// x0 from the sample and what the model gave for the scaled sample.
float predict_original(Prediction kind, float sigma, float sample, float output);

}  // namespace tempera::diffusion
