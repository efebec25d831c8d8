#pragma once

#include <vector>

#include "base/status.h"
#include "diffusion/samplers/k_diffusion/denoiser.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion::k_diffusion {

// The falling sigmas of `steps` steps as AUTOMATIC1111 lays them out, each rounded to f32; all
// schedules but kl_optimal end in 0. ddim often has more steps than asked for. With `discard` one
// step more is laid out and the sigma before the last left out. `unsupported` for a schedule that
// AUTOMATIC1111 does not have.
Result<std::vector<double>> make_sigmas(Schedule schedule, const Denoiser& denoiser, int64_t steps,
                                        bool discard, const KOptions& options);

}  // namespace tempera::diffusion::k_diffusion
