#include "diffusion/samplers/k_diffusion/k_sampler.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tempera::diffusion::k_diffusion {

AncestralStep ancestral_step(double from, double to, double eta) {
  const double up =
      std::min(to, eta * std::sqrt(to * to * (from * from - to * to) / (from * from)));
  return {std::sqrt(to * to - up * up), up};
}

Churn churn(const Walk& walk, size_t i) {
  const KOptions& options = walk.options;
  const double sigma = walk.sigmas[i];
  if (sigma < options.s_tmin || sigma > options.s_tmax) return {sigma, 0};
  const double gamma =
      std::min(options.s_churn / static_cast<double>(walk.steps()), std::numbers::sqrt2 - 1);
  if (gamma <= 0) return {sigma, 0};
  const double raised = sigma * (gamma + 1);
  return {raised, options.s_noise * std::sqrt(raised * raised - sigma * sigma)};
}

LinearStep churned_call(const Churn& churned) {
  LinearStep step = slope_call(churned.sigma);
  step.draw = NoiseDraw{};
  step.churn = churned.noise;
  return step;
}

double geometric_mean(double a, double b) { return std::exp((std::log(a) + std::log(b)) / 2); }

LinearStep second(LinearStep step) {
  step.opens = false;
  return step;
}

void add_noise(LinearStep& step, double weight) {
  step.draw = NoiseDraw{};
  step.noise = weight;
}

void add_brownian_noise(LinearStep& step, double from, double to, double weight) {
  step.draw = NoiseDraw{from, to};
  step.noise = weight;
}

}  // namespace tempera::diffusion::k_diffusion
