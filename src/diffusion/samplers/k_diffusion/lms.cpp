// Linear multistep of order 4 (Adams-Bashforth with steps of any size): the slope is the polynomial
// through the last ones.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/k_diffusion/k_sampler.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"klms", "samplelms"};

// The Lagrange polynomial of the j-th newest of `order` sigmas up to the i-th.
double lagrange(std::span<const double> sigmas, size_t i, size_t j, size_t order, double at) {
  double product = 1;
  for (size_t k = 0; k < order; ++k)
    if (k != j) product *= (at - sigmas[i - k]) / (sigmas[i - j] - sigmas[i - k]);
  return product;
}

// Its integral over the step, by Gauss' rule of two points, which is exact to degree 3.
double weight(std::span<const double> sigmas, size_t i, size_t j, size_t order) {
  const double half = (sigmas[i + 1] - sigmas[i]) / 2, middle = sigmas[i] + half;
  const double aside = half / std::sqrt(3.0);
  return half * (lagrange(sigmas, i, j, order, middle - aside) +
                 lagrange(sigmas, i, j, order, middle + aside));
}

std::vector<LinearStep> lms_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    LinearStep step = slope_call(walk.sigmas[i]);
    step.sample = 1;
    const size_t order = std::min(i + 1, LinearStep::kMemory);
    for (size_t j = 0; j < order; ++j) step.memory[j] = weight(walk.sigmas, i, j, order);
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

const KSampler kLms = {.name = "lms",
                       .title = "LMS",
                       .function = "sample_lms",
                       .aliases = kAliases,
                       .automatic = Schedule::uniform,
                       .steps = lms_steps};

}  // namespace tempera::diffusion::k_diffusion
