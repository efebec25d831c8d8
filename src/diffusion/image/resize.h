#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// Pillow's filters: those after the first take every source pixel that a target pixel covers.
enum class Filter { nearest, bilinear, bicubic, lanczos };

struct Size {
  int64_t width, height;
  bool operator==(const Size&) const = default;
};

// 8-bit samples, `channels` interleaved, from one size to another; equal to Pillow's Image.resize,
// whose fixed-point arithmetic it follows (libImaging/Resample.c).
std::vector<uint8_t> resize(std::span<const uint8_t> pixels, int64_t channels, Size from, Size to,
                            Filter filter);
Image resize(const Image& image, Size to, Filter filter = Filter::lanczos);

// How a picture of another shape is brought to a size: cut at its sides, stretched, or shrunk with
// its edges drawn out over what stays free.
enum class Fit { crop, stretch, pad };
// invalid_argument for another name; `flag` names where it comes from.
Result<Fit> parse_fit(std::string_view name, std::string_view flag);

// As A1111's "crop and resize", "just resize" and "resize and fill".
std::vector<uint8_t> fit_to(std::span<const uint8_t> pixels, int64_t channels, Size from, Size to,
                            Fit fit, Filter filter = Filter::lanczos);
Image fit_to(const Image& image, Size to, Fit fit, Filter filter = Filter::lanczos);

}  // namespace tempera::diffusion
