// DEIS multistep in log-rho form (https://arxiv.org/abs/2204.13902), diffusers'
// DEISMultistepScheduler of order 2 (the config's solver_order may be 1 to 3).
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/lambda_space.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 1> kAliases = {"deismultistep"};
constexpr size_t kMaxOrder = 3;

Status plan_deis(SamplerPlan& plan) {
  TRY(check_lambda_config(plan));
  const int64_t order = plan.config.solver_order.value_or(2);
  if (order < 1 || order > static_cast<int64_t>(kMaxOrder))
    return unsupported_config(plan, fmt::format("solver_order {}", order));
  set_alphas(plan, ZeroSnr::ignored);
  const SigmaSteps steps = lambda_steps(plan, LambdaClip::ignored, true);
  plan.config.final_sigma = FinalSigma::sigma_min;  // the class has no such setting
  set_schedule(plan, steps.timesteps, steps.sigmas);
  if (spreads_sigmas(plan.schedule)) plan.sigmas.back() = static_cast<float>(steps.sigmas.back());
  return {};
}

size_t order_at(const SamplerPlan& plan, size_t call) {
  const size_t left = plan.timesteps.size() - call;
  const bool lowers = plan.config.lower_order_final.value_or(true) && full_steps(plan) < 15;
  const auto order = static_cast<size_t>(plan.config.solver_order.value_or(2));
  return std::min({order, call + 1, lowers ? left : kMaxOrder});
}

// Integrals over rho of the Lagrange polynomials in log rho, f32 as in diffusers: of the one that
// is 1 at b and 0 at c.
float integral(float t, float b, float c) {
  return t * (-std::log(c) + std::log(t) - 1.0f) / (std::log(b) - std::log(c));
}
// Of the one that is 1 at b and 0 at c and d.
float integral(float t, float b, float c, float d) {
  const float log_t = std::log(t);
  const float log_c = std::log(c);
  const float log_d = std::log(d);
  const float numerator = t * (log_c * (log_d - log_t + 1.0f) - log_d * log_t + log_d +
                               log_t * log_t - 2.0f * log_t + 2.0f);
  return numerator / ((std::log(b) - log_c) * (std::log(b) - log_d));
}

// x' = sample * x + the sum of the newest outputs times `outputs`.
struct Coefficients {
  float sample = 0;
  std::array<float, kMaxOrder> outputs{};
};

Coefficients coefficients(const SamplerPlan& plan, size_t call, size_t order) {
  const Point from = point(plan.sigmas[call]);
  const Point to = point(plan.sigmas[call + 1]);
  if (order == 1) {
    const float h = to.lambda - from.lambda;
    return {to.alpha / from.alpha, {-(to.sigma * (std::exp(h) - 1.0f))}};
  }
  const auto rho = [](const Point& p) { return p.sigma / p.alpha; };
  const float t = rho(to);
  const float a = rho(from);
  const float b = rho(point(plan.sigmas[call - 1]));
  Coefficients c{.sample = to.alpha / from.alpha};
  if (order == 2) {
    c.outputs = {to.alpha * (integral(t, a, b) - integral(a, a, b)),
                 to.alpha * (integral(t, b, a) - integral(a, b, a))};
    return c;
  }
  const float d = rho(point(plan.sigmas[call - 2]));
  c.outputs = {to.alpha * (integral(t, a, b, d) - integral(a, a, b, d)),
               to.alpha * (integral(t, b, d, a) - integral(a, b, d, a)),
               to.alpha * (integral(t, d, a, b) - integral(a, d, a, b))};
  return c;
}

void step_deis(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
               std::span<float> sample) {
  auto& noises = state.history;
  std::rotate(noises.begin(), noises.end() - 1, noises.end());
  const size_t order = order_at(plan, input.call);
  const Coefficients c = coefficients(plan, input.call, order);
  const Point at = point(plan.sigmas[input.call]);
  for (size_t i = 0; i < sample.size(); ++i) {
    const float original = predict_original(plan.config.prediction, at, sample[i], input.output[i]);
    noises[0][i] = (sample[i] - at.alpha * original) / at.sigma;
    sample[i] *= c.sample;
    for (size_t k = 0; k < order; ++k) sample[i] += c.outputs[k] * noises[k][i];
  }
}

}  // namespace

const Sampler kDeis = {.name = "deis",
                       .title = "DEIS",
                       .diffusers_class = "DEISMultistepScheduler",
                       .aliases = kAliases,
                       .schedules = kSigmaSchedules,
                       .default_schedule = Schedule::discrete,
                       .default_spacing = TimestepSpacing::linspace,
                       .scales_input = false,
                       .history = kMaxOrder,
                       .plan = plan_deis,
                       .step = step_deis};

}  // namespace tempera::diffusion
