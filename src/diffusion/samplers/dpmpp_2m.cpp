// DPM-Solver++(2M) (https://arxiv.org/abs/2211.01095, algorithm 2), diffusers'
// DPMSolverMultistepScheduler with algorithm_type dpmsolver++ and solver_order 2.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/noise_schedule.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<std::string_view, 4> kAliases = {"dpmpp2m", "kdpmpp2m", "dpmsolver++",
                                                      "dpmsolvermultistep"};

Status check_config(const SamplerPlan& plan) {
  const SchedulerConfig& config = plan.config;
  if (config.thresholding) return unsupported_config(plan, "thresholding");
  if (config.use_lu_lambdas) return unsupported_config(plan, "use_lu_lambdas");
  if (config.use_flow_sigmas) return unsupported_config(plan, "use_flow_sigmas");
  if (!config.variance_type.empty() && config.variance_type.starts_with("learned"))
    return unsupported_config(plan, "variance_type " + config.variance_type);
  return {};
}

// The number of training timesteps whose log signal-to-noise ratio is not below the config's clip.
int64_t unclipped_timesteps(const SamplerPlan& plan) {
  const auto clip = static_cast<float>(plan.config.lambda_min_clipped);
  return std::ranges::count_if(plan.alphas_cumprod, [clip](float alpha) {
    return std::log(std::sqrt(alpha)) - std::log(std::sqrt(1.0f - alpha)) >= clip;
  });
}

// One step more than asked for is laid out and the last left out, except for trailing.
std::vector<double> discrete_timesteps(const SamplerPlan& plan) {
  const int64_t total = plan.config.num_train_timesteps;
  const int64_t usable = unclipped_timesteps(plan);
  std::vector<double> timesteps;
  switch (plan.spacing) {
    case TimestepSpacing::linspace:
      timesteps = linspace_timesteps(static_cast<double>(usable - 1), plan.steps + 1);
      round_all(timesteps);
      break;
    case TimestepSpacing::leading:
      timesteps =
          leading_timesteps(usable / (plan.steps + 1), plan.steps + 1, plan.config.steps_offset);
      break;
    case TimestepSpacing::trailing:
      return trailing_timesteps(static_cast<double>(usable),
                                static_cast<double>(total) / static_cast<double>(plan.steps));
  }
  timesteps.pop_back();
  return timesteps;
}

Status plan_dpmpp_2m(SamplerPlan& plan) {
  TRY(check_config(plan));
  set_alphas(plan, ZeroSnr::clamped);
  const std::vector<float> levels = noise_levels(plan.alphas_cumprod);
  std::vector<double> timesteps;
  std::vector<double> sigmas;
  if (spreads_sigmas(plan.schedule)) {
    sigmas = spread_sigmas(plan, levels.front(), levels.back());
    for (double sigma : sigmas) timesteps.push_back(timestep_at(levels, sigma));
    if (plan.schedule == Schedule::karras &&
        plan.config.beta_schedule != BetaSchedule::squaredcos_cap_v2)
      round_all(timesteps);
    for (double& timestep : timesteps) timestep = std::trunc(timestep);
  } else {
    timesteps = discrete_timesteps(plan);
    for (double timestep : timesteps) sigmas.push_back(sigma_at(levels, timestep));
  }
  set_schedule(plan, timesteps, sigmas);
  return {};
}

// A point of the trajectory: x = alpha * x0 + sigma * noise; lambda = log(alpha / sigma).
struct Point {
  float alpha;
  float sigma;
  float lambda;
};

Point point(float level) {
  const float alpha = 1.0f / std::sqrt(level * level + 1.0f);
  const float sigma = level * alpha;
  return {alpha, sigma, std::log(alpha) - std::log(sigma)};
}

float predict_original(Prediction kind, const Point& at, float sample, float output) {
  switch (kind) {
    case Prediction::epsilon:
      return (sample - at.sigma * output) / at.alpha;
    case Prediction::v_prediction:
      return at.alpha * sample - at.sigma * output;
    case Prediction::sample:
      return output;
  }
  CHECK(false, "a prediction without a case");
}

bool is_first_order(const SamplerPlan& plan, size_t call) {
  if (call == 0) return true;
  if (call + 1 < plan.timesteps.size()) return false;
  return plan.config.euler_at_final || plan.config.final_sigma == FinalSigma::zero ||
         (plan.config.lower_order_final && plan.timesteps.size() < 15);
}

// x' = sample * x + original * x0 + slope * (x0 - the previous x0).
struct Coefficients {
  float sample;
  float original;
  float slope;
};

Coefficients coefficients(const SamplerPlan& plan, size_t call) {
  const Point from = point(plan.sigmas[call]);
  const Point to = point(plan.sigmas[call + 1]);
  const float h = to.lambda - from.lambda;
  const float decay = std::exp(-h) - 1.0f;
  Coefficients c = {to.sigma / from.sigma, -(to.alpha * decay), 0.0f};
  if (is_first_order(plan, call)) return c;
  const float ratio = (from.lambda - point(plan.sigmas[call - 1]).lambda) / h;
  const float second = plan.config.solver_type == SolverType::midpoint
                           ? -0.5f * (to.alpha * decay)
                           : to.alpha * (decay / h + 1.0f);
  c.slope = second * (1.0f / ratio);
  return c;
}

void step_dpmpp_2m(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                   std::span<float> sample) {
  std::vector<float>& original = state.history[0];
  std::vector<float>& previous = state.history[1];
  std::swap(original, previous);
  const Point at = point(plan.sigmas[input.call]);
  const Coefficients c = coefficients(plan, input.call);
  for (size_t i = 0; i < sample.size(); ++i) {
    original[i] = predict_original(plan.config.prediction, at, sample[i], input.output[i]);
    sample[i] = c.sample * sample[i] + c.original * original[i];
    if (c.slope != 0.0f) sample[i] += c.slope * (original[i] - previous[i]);
  }
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
                          .plan = plan_dpmpp_2m,
                          .step = step_dpmpp_2m};

}  // namespace tempera::diffusion
