#include "diffusion/guidance_rescale.h"

#include <cmath>

namespace tempera::diffusion {
namespace {

// Of a sample, that is over n - 1.
double standard_deviation(std::span<const float> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0.0;
  for (const float value : values) sum += static_cast<double>(value);
  double squares = 0.0;
  for (const float value : values) {
    const double difference = static_cast<double>(value) - sum / count;
    squares += difference * difference;
  }
  return std::sqrt(squares / (count - 1.0));
}

}  // namespace

void rescale_guidance(double share, size_t pictures, std::span<const float> prompt,
                      std::span<float> guided) {
  const size_t size = guided.size() / pictures;
  for (size_t picture = 0; picture < pictures; ++picture) {
    const std::span<float> row = guided.subspan(picture * size, size);
    const double spread = standard_deviation(row);
    if (spread == 0.0) continue;
    const double ratio = standard_deviation(prompt.subspan(picture * size, size)) / spread;
    const auto factor = static_cast<float>(share * ratio + (1.0 - share));
    for (float& value : row) value *= factor;
  }
}

}  // namespace tempera::diffusion
