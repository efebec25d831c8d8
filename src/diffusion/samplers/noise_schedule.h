#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tempera::diffusion {

// Falling timesteps and sigmas, in numpy's f64 arithmetic and rounding as diffusers computes them.

// numpy.linspace(0, last, count), reversed.
std::vector<double> linspace_timesteps(double last, int64_t count);
// Multiples of `ratio` from 0, `count` of them, reversed, plus `offset`.
std::vector<double> leading_timesteps(int64_t ratio, int64_t count, int64_t offset);
// round(start - i * ratio) - 1 down to 0. As in numpy.arange rounding may give one entry more than
// start / ratio, which is -1.
std::vector<double> trailing_timesteps(double start, double ratio);

// Half to even, as numpy does.
void round_all(std::vector<double>& values);

// The sigma at a fractional index of `levels` (rising, one a training timestep), linear in between,
// clamped at the ends.
double sigma_at(std::span<const float> levels, double timestep);
// The fractional index of `levels` at which the logarithm of sigma lies; clamped at the ends.
double timestep_at(std::span<const float> levels, double sigma);

// Karras et al. (https://arxiv.org/abs/2206.00364, eq. 5) with rho 7: `count` values, falling from
// `largest` to `smallest`.
std::vector<double> karras_sigmas(double smallest, double largest, int64_t count);
// Evenly spaced logarithms.
std::vector<double> exponential_sigmas(double smallest, double largest, int64_t count);
// Quantiles of Beta(0.6, 0.6) (https://arxiv.org/abs/2407.12173), linear in sigma.
std::vector<double> beta_sigmas(double smallest, double largest, int64_t count);

}  // namespace tempera::diffusion
