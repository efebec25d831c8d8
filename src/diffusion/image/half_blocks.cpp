#include "diffusion/image/half_blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "diffusion/image/resize.h"

namespace tempera::diffusion {
namespace {

// Height is even, for whole characters.
Size shown_size(const Image& image, int64_t columns, int64_t lines) {
  const double scale =
      std::min({1.0, static_cast<double>(columns) / static_cast<double>(image.width),
                2.0 * static_cast<double>(lines) / static_cast<double>(image.height)});
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(static_cast<int64_t>(static_cast<double>(side) * scale), 1);
  };
  return {scaled(image.width), (scaled(image.height) + 1) / 2 * 2};
}

std::string colour(const Image& image, int64_t x, int64_t y, int target) {
  const uint8_t* pixel = &image.pixels[static_cast<size_t>((y * image.width + x) * 3)];
  return fmt::format("\x1B[{};2;{};{};{}m", target, pixel[0], pixel[1], pixel[2]);
}

}  // namespace

std::string half_blocks(const Image& image, int64_t columns, int64_t lines) {
  constexpr int kForeground = 38, kBackground = 48;
  const Image shown = resize(image, shown_size(image, columns, lines), Filter::bilinear);
  std::string text;
  for (int64_t y = 0; y < shown.height; y += 2) {
    std::string last;
    for (int64_t x = 0; x < shown.width; ++x) {
      std::string colours = colour(shown, x, y, kForeground) + colour(shown, x, y + 1, kBackground);
      if (colours != last) text += colours;
      last = std::move(colours);
      text += "\u2580";
    }
    text += "\x1B[0m\n";
  }
  return text;
}

}  // namespace tempera::diffusion
