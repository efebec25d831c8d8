#pragma once

#include <cstdint>
#include <span>

namespace tempera::diffusion {

// Turns `low` towards `high` by `part` (0 to 1), along the sphere: each column of each channel on
// its own, as AUTOMATIC1111 mixes noises of two seeds. Both are [channels, height, width].
void slerp(double part, std::span<float> low, std::span<const float> high, int64_t channels,
           int64_t height, int64_t width);

}  // namespace tempera::diffusion
