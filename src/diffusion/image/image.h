#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tempera::diffusion {

// 8-bit RGB, interleaved, rows from the top: height * width * 3 bytes.
struct Image {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> pixels;
};

// A VAE's output [3, height, width], about -1..1, clamped, scaled to 0..255 and rounded half to
// even as diffusers does. Not-a-number becomes 0.
Image image_from_planes(std::span<const float> planes, int64_t width, int64_t height);

}  // namespace tempera::diffusion
