// UniPC multistep (https://arxiv.org/abs/2302.04867, algorithms 5 and 8) on x0, diffusers'
// UniPCMultistepScheduler of order 2 (the config's solver_order may be 1 to 3): each call first
// corrects the sample that the call before predicted.
#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/lambda_space.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"unipcmultistep", "unipcbh2"};
constexpr size_t kMaxOrder = 3;
// The state: x0 from the newest to the oldest, of which a corrector takes all but the first, then
// the sample that the last step began with.
constexpr size_t kOutputs = kMaxOrder + 1;
constexpr size_t kStart = kOutputs;
using Row = std::array<float, kMaxOrder>;

Status plan_unipc(SamplerPlan& plan) {
  TRY(check_lambda_config(plan));
  if (!plan.config.predict_x0) return unsupported_config(plan, "predict_x0 false");
  const int64_t order = plan.config.solver_order.value_or(2);
  if (order < 1 || order > static_cast<int64_t>(kMaxOrder))
    return unsupported_config(plan, fmt::format("solver_order {}", order));
  set_alphas(plan, ZeroSnr::clamped);
  const SigmaSteps steps = lambda_steps(plan, LambdaClip::ignored, true);
  set_schedule(plan, steps.timesteps, steps.sigmas);
  if (spreads_sigmas(plan.schedule) && plan.config.final_sigma == FinalSigma::sigma_min)
    plan.sigmas.back() = static_cast<float>(steps.sigmas.back());
  return {};
}

size_t order_at(const SamplerPlan& plan, size_t call) {
  const size_t left = plan.timesteps.size() - call;
  const bool lowers = plan.config.lower_order_final.value_or(true);
  const auto order = static_cast<size_t>(plan.config.solver_order.value_or(2));
  return std::min({order, call + 1, lowers ? left : kMaxOrder});
}

// Solves the Vandermonde system sum over k of nodes[k]^i * x[k] = right[i], i < count.
Row solve_vandermonde(const Row& nodes, Row right, size_t count) {
  std::array<Row, kMaxOrder> rows{};
  for (size_t i = 0; i < count; ++i)
    for (size_t k = 0; k < count; ++k) rows[i][k] = std::pow(nodes[k], static_cast<float>(i));
  // No pivot is 0: the nodes differ.
  for (size_t i = 0; i < count; ++i)
    for (size_t below = i + 1; below < count; ++below) {
      const float factor = rows[below][i] / rows[i][i];
      for (size_t k = i; k < count; ++k) rows[below][k] -= factor * rows[i][k];
      right[below] -= factor * right[i];
    }
  for (size_t i = count; i-- > 0;) {
    for (size_t k = i + 1; k < count; ++k) right[i] -= rows[i][k] * right[k];
    right[i] /= rows[i][i];
  }
  return right;
}

// A step from `call` to the next, of a predictor or, with the output there, of a corrector:
// x' = sample * x + original * m[0] + sum over k of older[k] * (m[k + 1] - m[0])
//    + end * (output at the end - m[0]), with m the outputs from `call` back.
struct Coefficients {
  float sample = 0;
  float original = 0;
  Row older{};
  float end = 0;
};

Coefficients coefficients(const SamplerPlan& plan, size_t call, size_t order, bool corrects) {
  const Point from = point(plan.sigmas[call]);
  const Point to = point(plan.sigmas[call + 1]);
  const float h = to.lambda - from.lambda;
  const float phi_1 = std::expm1(-h);
  Coefficients c{.sample = to.sigma / from.sigma, .original = -(to.alpha * phi_1)};
  if (order == 1 && !corrects) return c;
  const float scale = plan.config.solver_type == SolverType::bh1 ? -h : phi_1;
  Row nodes{};
  for (size_t k = 0; k + 1 < order; ++k)
    nodes[k] = (point(plan.sigmas[call - k - 1]).lambda - from.lambda) / h;
  nodes[order - 1] = 1.0f;
  Row right{};
  float phi = phi_1 / -h - 1.0f;
  float factorial = 1.0f;
  for (size_t i = 0; i < order; ++i) {
    right[i] = phi * factorial / scale;
    factorial *= static_cast<float>(i + 2);
    phi = phi / -h - 1.0f / factorial;
  }
  const size_t unknowns = corrects ? order : order - 1;
  // Of the lowest order the classes take one half instead of the solution.
  const Row weights = unknowns == 1 ? Row{0.5f} : solve_vandermonde(nodes, right, unknowns);
  for (size_t k = 0; k + 1 < order; ++k) c.older[k] = -(to.alpha * scale) * weights[k] / nodes[k];
  if (corrects) c.end = -(to.alpha * scale) * weights[order - 1];
  return c;
}

void step_unipc(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                std::span<float> sample) {
  const auto x0 = std::span(state.history).first(kOutputs);
  std::vector<float>& start = state.history[kStart];
  const size_t call = input.call;
  const Point at = point(plan.sigmas[call]);
  const size_t last_order = call > 0 ? order_at(plan, call - 1) : 0;
  const size_t order = order_at(plan, call);
  const Coefficients corrector =
      call > 0 ? coefficients(plan, call - 1, last_order, true) : Coefficients{};
  const Coefficients predictor = coefficients(plan, call, order, false);
  std::rotate(x0.begin(), x0.end() - 1, x0.end());
  const auto advance = [&](const Coefficients& c, float x, size_t newest, size_t of, size_t i) {
    const float base = x0[newest][i];
    x = c.sample * x + c.original * base;
    for (size_t k = 0; k + 1 < of; ++k) x += c.older[k] * (x0[newest + k + 1][i] - base);
    return x;
  };
  for (size_t i = 0; i < sample.size(); ++i) {
    const float original = predict_original(plan.config.prediction, at, sample[i], input.output[i]);
    if (call > 0) {
      const float corrected = advance(corrector, start[i], 1, last_order, i);
      sample[i] = corrected + corrector.end * (original - x0[1][i]);
    }
    x0[0][i] = original;
    start[i] = sample[i];
    sample[i] = advance(predictor, sample[i], 0, order, i);
  }
}

}  // namespace

const Sampler kUnipc = {.name = "unipc",
                        .title = "UniPC",
                        .diffusers_class = "UniPCMultistepScheduler",
                        .aliases = kAliases,
                        .schedules = kSigmaSchedules,
                        .default_schedule = Schedule::discrete,
                        .default_spacing = TimestepSpacing::linspace,
                        .scales_input = false,
                        .history = kOutputs + 1,
                        .has_zero_snr = true,
                        .plan = plan_unipc,
                        .step = step_unipc};

}  // namespace tempera::diffusion
