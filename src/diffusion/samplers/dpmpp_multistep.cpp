// DPM-Solver++ multistep of orders 2 and 3 (https://arxiv.org/abs/2211.01095, algorithm 2) and its
// SDE form of order 2 (the same, appendix B.2); diffusers' DPMSolverMultistepScheduler with
// algorithm_type dpmsolver++ or sde-dpmsolver++.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/lambda_space.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 5> kAliases = {"dpmpp2m", "kdpmpp2m", "dpmsolver++",
                                                      "dpmsolvermultistep", "kdpm++2m"};
constexpr std::array<std::string_view, 2> kThirdAliases = {"dpmpp3m", "kdpmpp3m"};
constexpr std::array<std::string_view, 3> kSdeAliases = {"dpmpp2msde", "kdpmpp2msde",
                                                         "sdedpmsolver++"};

Status plan_multistep(SamplerPlan& plan) {
  TRY(check_lambda_config(plan));
  set_alphas(plan, ZeroSnr::clamped);
  const bool rounded = plan.config.beta_schedule != BetaSchedule::squaredcos_cap_v2;
  const SigmaSteps steps = lambda_steps(plan, LambdaClip::heeded, rounded);
  set_schedule(plan, steps.timesteps, steps.sigmas);
  return {};
}

Status plan_sde(SamplerPlan& plan) {
  TRY(plan_multistep(plan));
  draw_every_step(plan);
  return {};
}

size_t order_at(const SamplerPlan& plan, size_t call, size_t order) {
  const size_t left = plan.timesteps.size() - call;
  const bool lowers = plan.config.lower_order_final.value_or(true) && full_steps(plan) < 15;
  const bool ends_first =
      lowers || plan.config.euler_at_final || plan.config.final_sigma == FinalSigma::zero;
  if (call == 0 || (left == 1 && ends_first)) return 1;
  return call == 1 || (left == 2 && lowers) ? 2 : order;
}

// x' = sample * x + original * x0 + newer * (x0 - x0 before) + older * (that - x0 before that)
//    + noise * unit noise.
struct Coefficients {
  float sample = 0;
  float original = 0;
  float newer = 0;
  float older = 0;
  float noise = 0;
};

struct Interval {
  Point from, to;
  float h;
};
Interval interval(const SamplerPlan& plan, size_t call) {
  const Point from = point(plan.sigmas[call]);
  const Point to = point(plan.sigmas[call + 1]);
  return {from, to, to.lambda - from.lambda};
}

// The step in lambda before `call`, over `h`.
float ratio_before(const SamplerPlan& plan, size_t call, float h) {
  return (point(plan.sigmas[call]).lambda - point(plan.sigmas[call - 1]).lambda) / h;
}

Coefficients coefficients(const SamplerPlan& plan, size_t call, size_t order) {
  const auto [from, to, h] = interval(plan, call);
  const float decay = std::exp(-h) - 1.0f;
  Coefficients c{.sample = to.sigma / from.sigma, .original = -(to.alpha * decay)};
  if (order == 1) return c;
  const float near = ratio_before(plan, call, h);
  const float first = to.alpha * (decay / h + 1.0f);
  if (order == 2) {
    const bool heun = plan.config.solver_type == SolverType::heun;
    c.newer = (heun ? first : -0.5f * (to.alpha * decay)) / near;
    return c;
  }
  const float far = ratio_before(plan, call - 1, h);
  const float second = -to.alpha * ((decay + h) / (h * h) - 0.5f);
  const float share = near / (near + far);
  c.newer = (first * (1.0f + share) + second / (near + far)) / near;
  c.older = -(first * share + second / (near + far)) / far;
  return c;
}

Coefficients sde_coefficients(const SamplerPlan& plan, size_t call, size_t order) {
  const auto [from, to, h] = interval(plan, call);
  const float gain = 1.0f - std::exp(-2.0f * h);
  Coefficients c{.sample = to.sigma / from.sigma * std::exp(-h),
                 .original = to.alpha * gain,
                 .noise = to.sigma * std::sqrt(gain)};
  if (order == 1) return c;
  const bool heun = plan.config.solver_type == SolverType::heun;
  const float slope = heun ? to.alpha * (gain / (-2.0f * h) + 1.0f) : 0.5f * (to.alpha * gain);
  c.newer = slope / ratio_before(plan, call, h);
  return c;
}

void advance(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
             std::span<float> sample, const Coefficients& c) {
  auto& x0 = state.history;
  std::rotate(x0.begin(), x0.end() - 1, x0.end());
  const Point at = point(plan.sigmas[input.call]);
  for (size_t i = 0; i < sample.size(); ++i) {
    x0[0][i] = predict_original(plan.config.prediction, at, sample[i], input.output[i]);
    float next = c.sample * sample[i] + c.original * x0[0][i];
    if (c.newer != 0.0f) next += c.newer * (x0[0][i] - x0[1][i]);
    if (c.older != 0.0f) next += c.older * (x0[1][i] - x0[2][i]);
    if (c.noise != 0.0f) next += c.noise * input.noise[i];
    sample[i] = next;
  }
}

template <size_t kOrder>
void step_multistep(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                    std::span<float> sample) {
  const size_t order = order_at(plan, input.call, kOrder);
  advance(plan, input, state, sample, coefficients(plan, input.call, order));
}

void step_sde(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
              std::span<float> sample) {
  const size_t order = order_at(plan, input.call, 2);
  advance(plan, input, state, sample, sde_coefficients(plan, input.call, order));
}

}  // namespace

const Sampler kDpmpp2m = {.name = "dpm++2m",
                          .title = "DPM++ 2M",
                          .diffusers_class = "DPMSolverMultistepScheduler",
                          .aliases = kAliases,
                          .schedules = kSigmaSchedules,
                          .default_schedule = Schedule::karras,
                          .default_spacing = TimestepSpacing::linspace,
                          .scales_input = false,
                          .history = 2,
                          .has_zero_snr = true,
                          .plan = plan_multistep,
                          .step = step_multistep<2>};

const Sampler kDpmpp3m = {.name = "dpm++3m",
                          .title = "DPM++ 3M",
                          .diffusers_class = "DPMSolverMultistepScheduler",
                          .aliases = kThirdAliases,
                          .schedules = kSigmaSchedules,
                          .default_schedule = Schedule::karras,
                          .default_spacing = TimestepSpacing::linspace,
                          .scales_input = false,
                          .history = 3,
                          .has_zero_snr = true,
                          .plan = plan_multistep,
                          .step = step_multistep<3>};

const Sampler kDpmpp2mSde = {.name = "dpm++2m_sde",
                             .title = "DPM++ 2M SDE",
                             .diffusers_class = "DPMSolverMultistepScheduler",
                             .aliases = kSdeAliases,
                             .schedules = kSigmaSchedules,
                             .default_schedule = Schedule::karras,
                             .default_spacing = TimestepSpacing::linspace,
                             .scales_input = false,
                             .history = 2,
                             .has_zero_snr = true,
                             .plan = plan_sde,
                             .step = step_sde};

}  // namespace tempera::diffusion
