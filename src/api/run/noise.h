#pragma once

#include <cstdint>
#include <string_view>

#include "api/run/generate.h"
#include "base/status.h"
#include "base/tensor.h"

namespace tempera::api {

// "cpu" or "cuda", "picture" or "stream": invalid_argument for another name.
Status set_rng(std::string_view name, GenerateSettings& settings);
Status set_seed_mode(std::string_view name, GenerateSettings& settings);
// Whose samplers: "diffusers" or "a1111".
Status set_compat(std::string_view name, GenerateSettings& settings);

// What torch.randn(shape) gives with a new generator of that seed: f32, to within 2e-6. `rng` is
// "cpu" or "cuda"; `shape` as in "1x4x64x64". `invalid_argument` for any other, and for a shape of
// no elements or more than 2^31.
Result<Tensor> unit_noise(std::string_view rng, uint64_t seed, std::string_view shape);

}  // namespace tempera::api
