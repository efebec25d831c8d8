#pragma once

#include <vector>

#include "diffusion/samplers/scheduler_config.h"

namespace tempera::diffusion {

// The variance that the forward process adds at each training timestep, [num_train_timesteps], in
// torch's f32 arithmetic (a difference of 1e-7 here is 1e-5 in the sigmas).
std::vector<float> make_betas(const SchedulerConfig& config);

// Rescales betas so that the last timestep holds no signal (https://arxiv.org/abs/2305.08891,
// algorithm 1).
std::vector<float> rescale_zero_terminal_snr(const std::vector<float>& betas);

// Running products of 1 - beta: the share of signal left at each training timestep.
std::vector<float> cumulative_alphas(const std::vector<float>& betas);

// sqrt((1 - a) / a) of each: the noise level of each training timestep, rising.
std::vector<float> noise_levels(const std::vector<float>& alphas_cumprod);

}  // namespace tempera::diffusion
