#include "diffusion/image/image.h"

#include <cmath>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

uint8_t to_byte(float value) {
  const float unit = value * 0.5f + 0.5f;
  if (!(unit > 0.0f)) return 0;
  if (unit > 1.0f) return 255;
  return static_cast<uint8_t>(std::nearbyint(unit * 255.0f));
}

}  // namespace

Image image_from_planes(std::span<const float> planes, int64_t width, int64_t height) {
  const auto area = static_cast<size_t>(width * height);
  CHECK(planes.size() == 3 * area, "{} values for {}x{} pixels", planes.size(), width, height);
  Image image{width, height, std::vector<uint8_t>(3 * area)};
  for (size_t i = 0; i < area; ++i)
    for (size_t channel = 0; channel < 3; ++channel)
      image.pixels[3 * i + channel] = to_byte(planes[channel * area + i]);
  return image;
}

Status check_pixels(int64_t width, int64_t height, std::string_view where) {
  if (width <= kMaxPixels / height) return {};
  return error(ErrorCode::resource_exhausted, "{}: {}x{} is more than {} pixels", where, width,
               height, kMaxPixels);
}

Picture picture_from_rgba(std::span<const uint8_t> rgba, int64_t width, int64_t height) {
  const auto area = static_cast<size_t>(width * height);
  CHECK(rgba.size() == 4 * area, "{} bytes for {}x{} pixels", rgba.size(), width, height);
  Picture picture{{width, height, std::vector<uint8_t>(3 * area)}, std::vector<uint8_t>(area), {}};
  for (size_t i = 0; i < area; ++i) {
    for (size_t channel = 0; channel < 3; ++channel)
      picture.image.pixels[3 * i + channel] = rgba[4 * i + channel];
    picture.alpha[i] = rgba[4 * i + 3];
  }
  return picture;
}

}  // namespace tempera::diffusion
