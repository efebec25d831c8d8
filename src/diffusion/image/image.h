#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// 8-bit RGB, interleaved, rows from the top: height * width * 3 bytes.
struct Image {
  int64_t width = 0;
  int64_t height = 0;
  std::vector<uint8_t> pixels;
};

// What a picture file says of itself: keyword (in a PNG 1 to 79 printable ASCII characters) and
// UTF-8 text, in the file's order.
using PictureText = std::vector<std::pair<std::string, std::string>>;

// What a picture file holds.
struct Picture {
  Image image;
  std::vector<uint8_t> alpha;  // height * width, 255 is opaque; empty where the file has none
  PictureText text;
};

// The most pixels that are read of a file.
inline constexpr int64_t kMaxPixels = int64_t{1} << 28;
// resource_exhausted for more; `where` names the file.
Status check_pixels(int64_t width, int64_t height, std::string_view where);

// `rgba`: height * width * 4 bytes.
Picture picture_from_rgba(std::span<const uint8_t> rgba, int64_t width, int64_t height);

// A VAE's output [3, height, width], about -1..1, clamped, scaled to 0..255 and rounded half to
// even as diffusers does. Not-a-number becomes 0.
Image image_from_planes(std::span<const float> planes, int64_t width, int64_t height);

}  // namespace tempera::diffusion
