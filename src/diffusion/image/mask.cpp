#include "diffusion/image/mask.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/check.h"
#include "base/text.h"

namespace tempera::diffusion {
namespace {

constexpr std::string_view kColors[] = {"black", "red",     "green", "yellow",
                                        "blue",  "magenta", "cyan",  "white"};
constexpr int kNear = 64;  // of 255, in each channel

Rgb pixel(const Image& image, size_t i) {
  return {image.pixels[3 * i], image.pixels[3 * i + 1], image.pixels[3 * i + 2]};
}

bool is_near(const Rgb& a, const Rgb& b) {
  for (size_t channel = 0; channel < 3; ++channel)
    if (std::abs(a[channel] - b[channel]) > kNear) return false;
  return true;
}

// A corner of the colour cube by its bits: red 1, green 2, blue 4.
Rgb corner(size_t bits) {
  const auto channel = [&](size_t bit) { return static_cast<uint8_t>(bits & bit ? 255 : 0); };
  return {channel(1), channel(2), channel(4)};
}

// The corner that most pixels are near to, black and white aside.
std::optional<Rgb> pure_color(const Image& image) {
  std::array<int64_t, 8> counts{};
  for (size_t i = 0; i < image.pixels.size() / 3; ++i) {
    const Rgb color = pixel(image, i);
    const size_t bits =
        (color[0] >= 128 ? 1 : 0) | (color[1] >= 128 ? 2 : 0) | (color[2] >= 128 ? 4 : 0);
    if (is_near(color, corner(bits))) ++counts[bits];
  }
  const auto* most = std::max_element(counts.begin() + 1, counts.end() - 1);
  if (*most == 0) return {};
  return corner(static_cast<size_t>(most - counts.begin()));
}

// Luma of BT.601 in thousandths, as Pillow's convert("L") weighs it.
bool is_light(const Rgb& color) {
  return 299 * color[0] + 587 * color[1] + 114 * color[2] >= 127500;
}

template <typename Marks>
Mask mark(const Image& image, const Marks& marks) {
  Mask mask{{image.width, image.height}, std::vector<uint8_t>(image.pixels.size() / 3)};
  for (size_t i = 0; i < mask.pixels.size(); ++i) mask.pixels[i] = marks(i) ? 255 : 0;
  return mask;
}

std::vector<double> gaussian(double deviation) {
  const auto radius = static_cast<int64_t>(2.5 * deviation + 0.5);
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = -radius; i <= radius; ++i) {
    const double x = static_cast<double>(i) / deviation;
    weights.push_back(std::exp(-0.5 * x * x));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// Along lines of `length` pixels that lie `stride` apart; edges are drawn out.
void blur_line(const std::vector<double>& weights, const double* from, double* to, int64_t length,
               int64_t stride) {
  const auto radius = static_cast<int64_t>(weights.size() / 2);
  for (int64_t i = 0; i < length; ++i) {
    double sum = 0;
    for (int64_t k = -radius; k <= radius; ++k)
      sum += weights[k + radius] * from[std::clamp<int64_t>(i + k, 0, length - 1) * stride];
    to[i * stride] = sum;
  }
}

// One axis of a region, lengthened to `wanted` within [0, extent).
void lengthen(int64_t& start, int64_t& length, int64_t wanted, int64_t extent) {
  wanted = std::min(wanted, extent);
  if (wanted <= length) return;
  start = std::clamp<int64_t>(start - (wanted - length) / 2, 0, extent - wanted);
  length = wanted;
}

// The bounds of what is above 0: [first, last) along each axis.
struct Bounds {
  int64_t left, top, right = 0, bottom = 0;
};
Bounds bounds_of(const Mask& mask) {
  Bounds bounds{mask.size.width, mask.size.height};
  for (int64_t y = 0; y < mask.size.height; ++y)
    for (int64_t x = 0; x < mask.size.width; ++x) {
      if (mask.pixels[y * mask.size.width + x] == 0) continue;
      bounds = {std::min(bounds.left, x), std::min(bounds.top, y), std::max(bounds.right, x + 1),
                std::max(bounds.bottom, y + 1)};
    }
  return bounds;
}

std::vector<uint8_t> crop(const std::vector<uint8_t>& pixels, int64_t channels, int64_t width,
                          const Region& region) {
  std::vector<uint8_t> result;
  result.reserve(static_cast<size_t>(region.width * region.height * channels));
  for (int64_t y = region.top; y < region.top + region.height; ++y) {
    const auto row = pixels.begin() + (y * width + region.left) * channels;
    result.insert(result.end(), row, row + region.width * channels);
  }
  return result;
}

// A picture of colours that may be unknown: sums of known colours, and how many.
struct Colors {
  Size size;
  std::vector<std::array<float, 4>> pixels;  // red, green, blue, weight
  std::array<float, 4>& at(int64_t x, int64_t y) { return pixels[y * size.width + x]; }
  const std::array<float, 4>& at(int64_t x, int64_t y) const { return pixels[y * size.width + x]; }
};

// Each pixel the mean of what is known of four.
Colors halve(const Colors& colors) {
  Colors half{{(colors.size.width + 1) / 2, (colors.size.height + 1) / 2}, {}};
  half.pixels.resize(static_cast<size_t>(half.size.width * half.size.height));
  for (int64_t y = 0; y < colors.size.height; ++y)
    for (int64_t x = 0; x < colors.size.width; ++x)
      for (size_t k = 0; k < 4; ++k) half.at(x / 2, y / 2)[k] += colors.at(x, y)[k];
  for (auto& pixel : half.pixels)
    if (pixel[3] > 0)
      for (float& value : pixel) value /= pixel[3];
  return half;
}

// Of a picture of half the size at a pixel of the whole, between its four nearest.
std::array<float, 4> between(const Colors& half, int64_t x, int64_t y) {
  const auto near = [](int64_t at, int64_t extent) {
    return std::clamp<int64_t>(at % 2 == 0 ? at / 2 - 1 : at / 2 + 1, 0, extent - 1);
  };
  const int64_t x0 = x / 2, y0 = y / 2;
  const int64_t x1 = near(x, half.size.width), y1 = near(y, half.size.height);
  std::array<float, 4> color{};
  for (size_t k = 0; k < 4; ++k)
    color[k] = (9 * half.at(x0, y0)[k] + 3 * half.at(x1, y0)[k] + 3 * half.at(x0, y1)[k] +
                half.at(x1, y1)[k]) /
               16;
  return color;
}

// Every unknown pixel from coarser pictures, the coarsest first.
void complete(Colors& colors) {
  const auto known = [](const auto& pixel) { return pixel[3] > 0; };
  if (std::ranges::all_of(colors.pixels, known) || std::ranges::none_of(colors.pixels, known))
    return;
  Colors half = halve(colors);
  complete(half);
  for (int64_t y = 0; y < colors.size.height; ++y)
    for (int64_t x = 0; x < colors.size.width; ++x)
      if (!known(colors.at(x, y))) colors.at(x, y) = between(half, x, y);
}

}  // namespace

Result<Rgb> parse_color(std::string_view text, std::string_view flag) {
  const auto* found = std::ranges::find(kColors, text);
  if (found != std::end(kColors)) return corner(static_cast<size_t>(found - kColors));
  uint32_t value = 0;
  const auto [end, fault] =
      std::from_chars(text.data() + (text.empty() ? 0 : 1), text.data() + text.size(), value, 16);
  if (text.size() == 7 && text[0] == '#' && fault == std::errc() &&
      end == text.data() + text.size())
    return Rgb{static_cast<uint8_t>(value >> 16), static_cast<uint8_t>(value >> 8),
               static_cast<uint8_t>(value)};
  return error(ErrorCode::invalid_argument,
               "{} {} is no colour; write #rrggbb, or black, white, red, green, blue, yellow, cyan "
               "or magenta",
               flag, quote(text));
}

Mask marked(const Picture& picture, const std::optional<Rgb>& color) {
  const Image& image = picture.image;
  const auto is_hole = [](uint8_t alpha) { return alpha < 128; };
  if (std::ranges::any_of(picture.alpha, is_hole))
    return mark(image, [&](size_t i) { return is_hole(picture.alpha[i]); });
  const std::optional<Rgb> key = color ? color : pure_color(image);
  if (key) return mark(image, [&](size_t i) { return is_near(pixel(image, i), *key); });
  return mark(image, [&](size_t i) { return is_light(pixel(image, i)); });
}

Mask blur(const Mask& mask, double deviation) {
  if (!(deviation > 0)) return mask;
  const std::vector<double> weights = gaussian(deviation);
  const auto [width, height] = mask.size;
  std::vector<double> from(mask.pixels.begin(), mask.pixels.end()), to(from.size());
  for (int64_t y = 0; y < height; ++y)
    blur_line(weights, &from[y * width], &to[y * width], width, 1);
  for (int64_t x = 0; x < width; ++x) blur_line(weights, &to[x], &from[x], height, width);
  Mask blurred{mask.size, std::vector<uint8_t>(from.size())};
  std::ranges::transform(from, blurred.pixels.begin(), [](double value) {
    return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
  });
  return blurred;
}

std::vector<uint8_t> at_least_half(const Mask& mask) {
  std::vector<uint8_t> result;
  for (const uint8_t value : mask.pixels) result.push_back(value >= 128 ? 1 : 0);
  return result;
}

Region region_of(const Mask& mask, int64_t padding, Size shape) {
  const Bounds bounds = bounds_of(mask);
  if (bounds.right == 0) return {};
  const auto [width, height] = mask.size;
  Region region{std::max<int64_t>(bounds.left - padding, 0),
                std::max<int64_t>(bounds.top - padding, 0)};
  region.width = std::min(bounds.right + padding, width) - region.left;
  region.height = std::min(bounds.bottom + padding, height) - region.top;
  if (region.width * shape.height > region.height * shape.width)
    lengthen(region.top, region.height, region.width * shape.height / shape.width, height);
  else
    lengthen(region.left, region.width, region.height * shape.width / shape.height, width);
  return region;
}

Mask crop(const Mask& mask, const Region& region) {
  return {{region.width, region.height}, crop(mask.pixels, 1, mask.size.width, region)};
}

Image crop(const Image& image, const Region& region) {
  return {region.width, region.height, crop(image.pixels, 3, image.width, region)};
}

Image fill_from_around(const Image& image, const std::vector<uint8_t>& repaint) {
  CHECK(3 * repaint.size() == image.pixels.size(), "a mask of {} pixels for {}x{}", repaint.size(),
        image.width, image.height);
  if (std::ranges::find(repaint, 0) == repaint.end()) return image;
  Colors colors{{image.width, image.height}, {}};
  for (size_t i = 0; i < repaint.size(); ++i) {
    const Rgb color = pixel(image, i);
    const float weight = repaint[i] == 0 ? 1.0f : 0.0f;
    colors.pixels.push_back({weight * color[0], weight * color[1], weight * color[2], weight});
  }
  complete(colors);
  Image filled = image;
  for (size_t i = 0; i < repaint.size(); ++i)
    for (size_t channel = 0; channel < 3 && repaint[i] != 0; ++channel)
      filled.pixels[3 * i + channel] =
          static_cast<uint8_t>(std::lround(std::clamp(colors.pixels[i][channel], 0.0f, 255.0f)));
  return filled;
}

}  // namespace tempera::diffusion
