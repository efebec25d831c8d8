#include "diffusion/guidance.h"

#include <numeric>

namespace tempera::diffusion {
namespace {

// Of weights that cancel out there is no mean: their sum is taken as it is.
double total(std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  return sum == 0.0 ? 1.0 : sum;
}

}  // namespace

std::span<const float> guide(double scale, std::span<const double> weights, bool guided,
                             std::span<float> output) {
  const size_t size = output.size() / (weights.size() + (guided ? 1 : 0));
  const std::span<float> result = output.first(size);
  if (!guided) {
    if (weights.size() == 1) return result;
    scale = 1.0 / total(weights);
  }
  for (size_t i = 0; i < size; ++i) {
    const float base = guided ? output[i] : 0.0f;
    float sum = base;
    const float* row = output.data() + (guided ? size : 0) + i;
    for (const double weight : weights) {
      sum += static_cast<float>(scale * weight) * (*row - base);
      row += size;
    }
    result[i] = sum;
  }
  return result;
}

}  // namespace tempera::diffusion
