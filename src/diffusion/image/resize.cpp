#include "diffusion/image/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "base/suggest.h"
#include "base/text.h"

namespace tempera::diffusion {
namespace {

// Weights are multiples of 2^-22, so that a sum of 8-bit samples stays within 32 bits.
constexpr int kWeightBits = 32 - 8 - 2;

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double windowed_sinc(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Filter filter) {
  if (filter == Filter::bilinear) return {triangle, 1.0};
  return filter == Filter::bicubic ? Kernel{cubic, 2.0} : Kernel{windowed_sinc, 3.0};
}

// The source pixels that one target pixel takes, along one side.
struct Taps {
  int64_t first;
  std::vector<int32_t> weights;
};

Taps taps_at(int64_t target, int64_t from, int64_t to, const Kernel& kernel) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = std::max(scale, 1.0), support = kernel.support * stretch;
  const double center = (static_cast<double>(target) + 0.5) * scale;
  const auto first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
  const auto end = std::min(static_cast<int64_t>(center + support + 0.5), from);
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = first; i < end; ++i)
    sum += weights.emplace_back(
        kernel.weight((static_cast<double>(i) - center + 0.5) * (1.0 / stretch)));
  Taps taps{first, {}};
  for (const double weight : weights)
    taps.weights.push_back(static_cast<int32_t>(
        std::round((sum != 0 ? weight / sum : weight) * (int32_t{1} << kWeightBits))));
  return taps;
}

std::vector<Taps> all_taps(int64_t from, int64_t to, Filter filter) {
  std::vector<Taps> taps;
  for (int64_t i = 0; i < to; ++i) taps.push_back(taps_at(i, from, to, kernel_of(filter)));
  return taps;
}

uint8_t to_sample(int32_t sum) {
  return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

// Rows of `pixels` are `stride` bytes; element e of target row y is a sum over source rows.
std::vector<uint8_t> resize_down(std::span<const uint8_t> pixels, int64_t stride,
                                 const std::vector<Taps>& taps) {
  std::vector<uint8_t> result(static_cast<size_t>(stride) * taps.size());
  std::vector<int32_t> sums(static_cast<size_t>(stride));
  for (size_t y = 0; y < taps.size(); ++y) {
    std::ranges::fill(sums, int32_t{1} << (kWeightBits - 1));
    for (size_t i = 0; i < taps[y].weights.size(); ++i) {
      const uint8_t* row = &pixels[static_cast<size_t>(taps[y].first * stride) + i * sums.size()];
      for (size_t e = 0; e < sums.size(); ++e) sums[e] += row[e] * taps[y].weights[i];
    }
    std::ranges::transform(sums, result.begin() + static_cast<int64_t>(y) * stride, to_sample);
  }
  return result;
}

std::vector<uint8_t> resize_across(std::span<const uint8_t> pixels, int64_t channels, Size from,
                                   const std::vector<Taps>& taps) {
  std::vector<uint8_t> result;
  result.reserve(taps.size() * static_cast<size_t>(from.height * channels));
  for (int64_t y = 0; y < from.height; ++y) {
    for (const Taps& tap : taps) {
      const uint8_t* first = &pixels[static_cast<size_t>((y * from.width + tap.first) * channels)];
      for (int64_t channel = 0; channel < channels; ++channel) {
        int32_t sum = int32_t{1} << (kWeightBits - 1);
        for (size_t i = 0; i < tap.weights.size(); ++i)
          sum += first[static_cast<int64_t>(i) * channels + channel] * tap.weights[i];
        result.push_back(to_sample(sum));
      }
    }
  }
  return result;
}

// The source of each target pixel. Pillow adds up steps, whose rounding decides ties.
std::vector<int64_t> nearest_sources(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  std::vector<int64_t> sources;
  double place = scale * 0.5;
  for (int64_t i = 0; i < to; ++i, place += scale)
    sources.push_back(std::min(static_cast<int64_t>(place), from - 1));
  return sources;
}

std::vector<uint8_t> resize_nearest(std::span<const uint8_t> pixels, int64_t channels, Size from,
                                    Size to) {
  std::vector<uint8_t> result;
  result.reserve(static_cast<size_t>(to.width * to.height * channels));
  const std::vector<int64_t> columns = nearest_sources(from.width, to.width);
  for (const int64_t row : nearest_sources(from.height, to.height)) {
    for (const int64_t column : columns) {
      const auto pixel = pixels.begin() + (row * from.width + column) * channels;
      result.insert(result.end(), pixel, pixel + channels);
    }
  }
  return result;
}

// The size of `from`'s shape that covers `to`, or that lies within it.
Size of_same_shape(Size from, Size to, bool covers) {
  const bool by_width = (to.width * from.height > to.height * from.width) == covers;
  if (by_width) return {to.width, std::max<int64_t>(from.height * to.width / from.width, 1)};
  return {std::max<int64_t>(from.width * to.height / from.height, 1), to.height};
}

// `pixels` in the middle of a picture of size `to`: what is outside is cut off, what stays free
// takes the nearest pixel.
std::vector<uint8_t> place_in_middle(std::span<const uint8_t> pixels, int64_t channels, Size from,
                                     Size to) {
  const int64_t left = to.width / 2 - from.width / 2, top = to.height / 2 - from.height / 2;
  std::vector<uint8_t> result;
  result.reserve(static_cast<size_t>(to.width * to.height * channels));
  for (int64_t y = 0; y < to.height; ++y) {
    const int64_t row = std::clamp<int64_t>(y - top, 0, from.height - 1) * from.width;
    for (int64_t x = 0; x < to.width; ++x) {
      const auto pixel =
          pixels.begin() + (row + std::clamp<int64_t>(x - left, 0, from.width - 1)) * channels;
      result.insert(result.end(), pixel, pixel + channels);
    }
  }
  return result;
}

}  // namespace

std::vector<uint8_t> resize(std::span<const uint8_t> pixels, int64_t channels, Size from, Size to,
                            Filter filter) {
  CHECK(pixels.size() == static_cast<size_t>(from.width * from.height * channels),
        "{} bytes for {}x{} pixels", pixels.size(), from.width, from.height);
  if (from == to) return {pixels.begin(), pixels.end()};
  if (filter == Filter::nearest) return resize_nearest(pixels, channels, from, to);
  std::vector<uint8_t> result(pixels.begin(), pixels.end());
  if (from.width != to.width)
    result = resize_across(result, channels, from, all_taps(from.width, to.width, filter));
  if (from.height != to.height)
    result = resize_down(result, to.width * channels, all_taps(from.height, to.height, filter));
  return result;
}

Image resize(const Image& image, Size to, Filter filter) {
  return {to.width, to.height, resize(image.pixels, 3, {image.width, image.height}, to, filter)};
}

Result<Fit> parse_fit(std::string_view name, std::string_view flag) {
  if (name == "crop") return Fit::crop;
  if (name == "stretch") return Fit::stretch;
  if (name == "pad") return Fit::pad;
  return error(ErrorCode::invalid_argument, "{} {} is not crop, stretch or pad{}", flag,
               quote(name), suggestion(name, {"crop", "stretch", "pad"}));
}

std::vector<uint8_t> fit_to(std::span<const uint8_t> pixels, int64_t channels, Size from, Size to,
                            Fit fit, Filter filter) {
  if (fit == Fit::stretch || from == to) return resize(pixels, channels, from, to, filter);
  const Size scaled = of_same_shape(from, to, fit == Fit::crop);
  return place_in_middle(resize(pixels, channels, from, scaled, filter), channels, scaled, to);
}

Image fit_to(const Image& image, Size to, Fit fit, Filter filter) {
  return {to.width, to.height,
          fit_to(image.pixels, 3, {image.width, image.height}, to, fit, filter)};
}

}  // namespace tempera::diffusion
