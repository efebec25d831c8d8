#include "diffusion/image/compare_images.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

constexpr double kPeak = 255;
constexpr int64_t kWindow = 11;
constexpr double kDeviation = 1.5;
constexpr double kC1 = 0.01 * kPeak * 0.01 * kPeak, kC2 = 0.03 * kPeak * 0.03 * kPeak;

struct Plane {
  int64_t width, height;
  std::vector<double> values;
};

void check_sizes(const Image& a, const Image& b) {
  CHECK(a.width == b.width && a.height == b.height && !a.pixels.empty(),
        "pictures of {}x{} and {}x{}", a.width, a.height, b.width, b.height);
}

Plane luma(const Image& image) {
  Plane plane{image.width, image.height, {}};
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3)
    plane.values.push_back(0.299 * image.pixels[i] + 0.587 * image.pixels[i + 1] +
                           0.114 * image.pixels[i + 2]);
  return plane;
}

// Of a sum of 1, around the middle of `extent` places.
std::vector<double> gaussian(int64_t extent) {
  std::vector<double> weights;
  double sum = 0;
  for (int64_t i = 0; i < extent; ++i) {
    const double x = static_cast<double>(i) - static_cast<double>(extent - 1) / 2;
    sum += weights.emplace_back(std::exp(-x * x / (2 * kDeviation * kDeviation)));
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// Correlation along rows, where the window lies inside, transposed: twice filters both ways.
Plane filter_rows(const Plane& plane, int64_t window) {
  const std::vector<double> weights = gaussian(window);
  Plane result{plane.height, plane.width - window + 1, {}};
  for (int64_t x = 0; x < result.height; ++x) {
    for (int64_t y = 0; y < plane.height; ++y) {
      double sum = 0;
      for (int64_t i = 0; i < window; ++i)
        sum += weights[i] * plane.values[y * plane.width + x + i];
      result.values.push_back(sum);
    }
  }
  return result;
}

std::vector<double> local_means(const Plane& plane) {
  const int64_t across = std::min(kWindow, plane.width), down = std::min(kWindow, plane.height);
  return filter_rows(filter_rows(plane, across), down).values;
}

Plane product(const Plane& a, const Plane& b) {
  Plane result{a.width, a.height, {}};
  std::ranges::transform(a.values, b.values, std::back_inserter(result.values), std::multiplies());
  return result;
}

}  // namespace

double psnr(const Image& a, const Image& b) {
  check_sizes(a, b);
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const double difference = static_cast<double>(a.pixels[i]) - b.pixels[i];
    sum += difference * difference;
  }
  return 10 * std::log10(kPeak * kPeak * static_cast<double>(a.pixels.size()) / sum);
}

double ssim(const Image& a, const Image& b) {
  check_sizes(a, b);
  const Plane x = luma(a), y = luma(b);
  const std::vector<double> mean_x = local_means(x), mean_y = local_means(y);
  const std::vector<double> xx = local_means(product(x, x)), yy = local_means(product(y, y));
  const std::vector<double> xy = local_means(product(x, y));
  double sum = 0;
  for (size_t i = 0; i < mean_x.size(); ++i) {
    const double mx = mean_x[i], my = mean_y[i];
    const double variance_x = xx[i] - mx * mx, variance_y = yy[i] - my * my;
    const double covariance = xy[i] - mx * my;
    sum += (2 * mx * my + kC1) * (2 * covariance + kC2) /
           ((mx * mx + my * my + kC1) * (variance_x + variance_y + kC2));
  }
  return sum / static_cast<double>(mean_x.size());
}

}  // namespace tempera::diffusion
