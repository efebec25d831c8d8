#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "diffusion/noise/noise_settings.h"

namespace tempera::diffusion {

// One seed a picture: the given ones, or from a single one that seed + i (modulo 2^64) for picture
// i; with one stream for all pictures, or variations of one picture, the single one for all.
// `invalid_argument` when several are given and they are not `batch` many, or have one stream.
Result<std::vector<uint64_t>> picture_seeds(std::span<const uint64_t> seeds, int64_t batch,
                                            const NoiseSettings& noise = {});

}  // namespace tempera::diffusion
