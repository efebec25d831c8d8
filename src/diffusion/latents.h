#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// One seed a picture: the given ones, or from a single one that seed + i (modulo 2^64) for picture
// i. `invalid_argument` when several are given and they are not `batch` many.
Result<std::vector<uint64_t>> picture_seeds(std::span<const uint64_t> seeds, int64_t batch);

}  // namespace tempera::diffusion
