#include "diffusion/noise/slerp.h"

#include <cmath>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

// Above this cosine of the angle between them, on average, two noises are mixed along a line.
constexpr double kParallel = 0.9995;

struct Column {
  size_t first, step, count;
};

double cosine(std::span<const float> a, std::span<const float> b, const Column& column) {
  double aa = 0, bb = 0, ab = 0;
  for (size_t k = 0; k < column.count; ++k) {
    const double x = a[column.first + k * column.step], y = b[column.first + k * column.step];
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const double product = ab / std::sqrt(aa * bb);
  return product > 1 ? 1 : product < -1 ? -1 : product;
}

void mix(std::span<float> a, std::span<const float> b, const Column& column, double of_a,
         double of_b) {
  for (size_t k = 0; k < column.count; ++k) {
    const size_t i = column.first + k * column.step;
    a[i] = static_cast<float>(of_a * a[i] + of_b * b[i]);
  }
}

}  // namespace

void slerp(double part, std::span<float> low, std::span<const float> high, int64_t channels,
           int64_t height, int64_t width) {
  const auto rows = static_cast<size_t>(height), columns = static_cast<size_t>(width);
  const size_t count = static_cast<size_t>(channels) * columns;
  CHECK(low.size() == count * rows && high.size() == low.size(), "{} and {} values to mix",
        low.size(), high.size());
  const auto column = [&](size_t i) {
    return Column{i / columns * rows * columns + i % columns, columns, rows};
  };
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += cosine(low, high, column(i));
  const bool parallel = sum / static_cast<double>(count) > kParallel;
  for (size_t i = 0; i < count; ++i) {
    const double angle = std::acos(cosine(low, high, column(i)));
    const double sine = std::sin(angle);
    if (parallel || sine == 0)  // the weights of the line are this way round there
      mix(low, high, column(i), part, 1 - part);
    else
      mix(low, high, column(i), std::sin((1 - part) * angle) / sine, std::sin(part * angle) / sine);
  }
}

}  // namespace tempera::diffusion
