#pragma once

#include <string>

#include "api/run/sampler_table.h"
#include "base/status.h"

namespace tempera::api {

// Runs a sampler by itself on a formula in the place of the model (docs/testing.md). The
// safetensors file `inputs` holds f32 `start` (the unit noise to begin with), `noises` (tensors of
// its size that the steps draw, in order; may be absent if none does) and, with a strength,
// `original` (the clean latents that `start` is added to). Writes f32 `samples` (the sample after
// each call), `first` (before the first), `timesteps`, `sigmas` and `init_noise_sigma`.
Status drive_sampler(const SamplerQuestion& question, const std::string& scheduler_config,
                     const std::string& inputs, const std::string& output);

}  // namespace tempera::api
