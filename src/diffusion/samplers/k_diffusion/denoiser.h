#pragma once

#include <vector>

#include "diffusion/samplers/scheduler_config.h"

namespace tempera::diffusion::k_diffusion {

// A model's noise levels by training timestep, and the map between the two: k-diffusion's
// CompVisDenoiser. Both maps are linear between the logarithms of neighbouring sigmas.
struct Denoiser {
  std::vector<float> alphas_cumprod;  // from f64 betas, rounded once
  std::vector<double> sigmas;         // rising
  std::vector<double> log_sigmas;

  double smallest() const { return sigmas.front(); }
  double largest() const { return sigmas.back(); }
  double timestep(double sigma) const;  // fractional, within the model's
  double nearest_timestep(double sigma) const;
  double sigma(double timestep) const;
};

Denoiser make_denoiser(const SchedulerConfig& config);

}  // namespace tempera::diffusion::k_diffusion
