// DPM-Solver++ singlestep of order 2 (https://arxiv.org/abs/2211.01095, algorithm 1): pairs of
// steps, the second of which goes again from the first's start; diffusers'
// DPMSolverSinglestepScheduler.
#include <array>
#include <cmath>
#include <utility>

#include "diffusion/samplers/lambda_space.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"dpmpp2s", "dpmsolversinglestep"};
// The class has no timestep_spacing.
constexpr std::array kSchedules = {Schedule::discrete, Schedule::karras, Schedule::exponential,
                                   Schedule::beta};

// The state: x0 of this call and of the one before, and the sample that the pair began with.
constexpr size_t kOriginal = 0;
constexpr size_t kPrevious = 1;
constexpr size_t kStart = 2;
constexpr size_t kTensors = 3;

Status plan_singlestep(SamplerPlan& plan) {
  TRY(check_lambda_config(plan));
  plan.spacing = TimestepSpacing::linspace;
  set_alphas(plan, ZeroSnr::ignored);
  const SigmaSteps steps = lambda_steps(plan, LambdaClip::heeded, true);
  set_schedule(plan, steps.timesteps, steps.sigmas);
  return {};
}

// Pairs of orders 1 and 2. The last step of all is of order 1 if it is odd one out, or ends at 0,
// or the config asks for it.
bool is_second_order(const SamplerPlan& plan, size_t call) {
  const size_t step = plan.begin + call;
  const bool is_last = step + 1 == full_steps(plan);
  const bool ends_first =
      plan.config.lower_order_final.value_or(false) || plan.config.final_sigma == FinalSigma::zero;
  return call > 0 && step % 2 == 1 && !(is_last && ends_first);
}

// x' = sample * start + original * x0 at the start + slope * (x0 now - x0 at the start).
struct Coefficients {
  float sample;
  float original;
  float slope;
};

Coefficients coefficients(const SamplerPlan& plan, size_t call, bool second) {
  const Point start = point(plan.sigmas[second ? call - 1 : call]);
  const Point to = point(plan.sigmas[call + 1]);
  const float h = to.lambda - start.lambda;
  const float decay = std::exp(-h) - 1.0f;
  Coefficients c{to.sigma / start.sigma, -(to.alpha * decay), 0.0f};
  if (!second) return c;
  const float ratio = (point(plan.sigmas[call]).lambda - start.lambda) / h;
  const bool heun = plan.config.solver_type == SolverType::heun;
  c.slope = (heun ? to.alpha * (decay / h + 1.0f) : -0.5f * (to.alpha * decay)) / ratio;
  return c;
}

void step_singlestep(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                     std::span<float> sample) {
  std::swap(state.history[kOriginal], state.history[kPrevious]);
  std::vector<float>& original = state.history[kOriginal];
  const std::vector<float>& previous = state.history[kPrevious];
  std::vector<float>& start = state.history[kStart];
  const bool second = is_second_order(plan, input.call);
  const Coefficients c = coefficients(plan, input.call, second);
  const Point at = point(plan.sigmas[input.call]);
  for (size_t i = 0; i < sample.size(); ++i) {
    original[i] = predict_original(plan.config.prediction, at, sample[i], input.output[i]);
    if (!second) start[i] = sample[i];
    const float base = second ? previous[i] : original[i];
    sample[i] = c.sample * start[i] + c.original * base;
    if (second) sample[i] += c.slope * (original[i] - base);
  }
}

}  // namespace

const Sampler kDpmpp2s = {.name = "dpm++2s",
                          .title = "DPM++ 2S",
                          .diffusers_class = "DPMSolverSinglestepScheduler",
                          .aliases = kAliases,
                          .schedules = kSchedules,
                          .default_schedule = Schedule::discrete,
                          .default_spacing = TimestepSpacing::linspace,
                          .scales_input = false,
                          .history = kTensors,
                          .plan = plan_singlestep,
                          .step = step_singlestep};

}  // namespace tempera::diffusion
