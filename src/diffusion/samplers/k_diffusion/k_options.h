#pragma once

#include <limits>
#include <optional>

namespace tempera::diffusion {

// Settings that only the k-diffusion samplers have; in brackets AUTOMATIC1111's name for them.
struct KOptions {
  // Fresh noise in each step of euler, heun and dpm2 while sigma is within s_tmin..s_tmax [Sigma
  // churn, tmin, tmax]; it and that of the other samplers is multiplied by s_noise [Sigma noise].
  double s_churn = 0, s_tmin = 0, s_tmax = std::numeric_limits<double>::infinity(), s_noise = 1;
  bool quantize = false;              // the model sees the nearest whole timestep
  bool discard_penultimate = false;   // [Discard penultimate sigma] for every sampler
  bool sgm_noise_multiplier = false;  // [SGM noise multiplier] start at sqrt(1 + sigma^2)
  // The ends of a schedule, instead of the model's [Schedule min sigma, max sigma], and the power
  // of karras and polyexponential [Schedule rho]; none: 7 and 1.
  std::optional<double> sigma_min, sigma_max, rho;

  bool operator==(const KOptions&) const = default;
};

}  // namespace tempera::diffusion
