// Linear multistep in sigma space of order 4 (Adams-Bashforth over uneven steps), diffusers'
// LMSDiscreteScheduler.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/sampler_table.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {
namespace {

constexpr size_t kOrder = 4;
constexpr std::array<std::string_view, 2> kAliases = {"klms", "lmsdiscrete"};

// The integral from sigmas[call] to sigmas[call + 1] of the polynomial that is 1 at
// sigmas[call - of] and 0 at the other of the `order` newest sigmas.
double weight(const std::vector<float>& sigmas, size_t call, size_t order, size_t of) {
  const auto sigma = [&](size_t back) { return static_cast<double>(sigmas[call - back]); };
  const auto basis = [&](double at) {
    double product = 1.0;
    for (size_t k = 0; k < order; ++k)
      if (k != of) product *= (at - sigma(k)) / (sigma(of) - sigma(k));
    return product;
  };
  // Gauss-Legendre with two nodes is exact up to degree 3.
  const double middle = (static_cast<double>(sigmas[call + 1]) + sigma(0)) / 2.0;
  const double half = (static_cast<double>(sigmas[call + 1]) - sigma(0)) / 2.0;
  const double node = half / std::sqrt(3.0);
  return half * (basis(middle - node) + basis(middle + node));
}

Status plan_lms(SamplerPlan& plan) {
  set_alphas(plan, ZeroSnr::ignored);
  const SigmaSteps steps = sigma_steps(plan, noise_levels(plan.alphas_cumprod));
  plan.config.final_sigma = FinalSigma::zero;  // the class has no such setting
  set_schedule(plan, steps.timesteps, steps.sigmas);
  set_initial_noise(plan);
  // From the whole schedule: after `cut` the first calls have weights for outputs they lack.
  for (size_t call = 0; call < plan.timesteps.size(); ++call) {
    const size_t order = std::min(call + 1, kOrder);
    std::array<float, kOrder>& weights = plan.weights.emplace_back();
    for (size_t of = 0; of < order; ++of)
      weights[of] = static_cast<float>(weight(plan.sigmas, call, order, of));
  }
  return {};
}

void step_lms(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
              std::span<float> sample) {
  auto& derivatives = state.history;
  std::rotate(derivatives.begin(), derivatives.end() - 1, derivatives.end());
  const float sigma = plan.sigmas[input.call];
  const std::array<float, kOrder>& weights = plan.weights[input.call];
  const size_t known = std::min(input.call + 1, kOrder);
  for (size_t i = 0; i < sample.size(); ++i) {
    const float original =
        predict_original(plan.config.prediction, sigma, sample[i], input.output[i]);
    derivatives[0][i] = (sample[i] - original) / sigma;
    float change = 0.0f;
    for (size_t k = 0; k < known; ++k) change += weights[k] * derivatives[k][i];
    sample[i] += change;
  }
}

}  // namespace

const Sampler kLms = {.name = "lms",
                      .title = "LMS",
                      .diffusers_class = "LMSDiscreteScheduler",
                      .aliases = kAliases,
                      .schedules = kSigmaSchedules,
                      .default_schedule = Schedule::discrete,
                      .default_spacing = TimestepSpacing::linspace,
                      .scales_input = true,
                      .history = kOrder,
                      .plan = plan_lms,
                      .step = step_lms};

}  // namespace tempera::diffusion
