#include "diffusion/samplers/k_diffusion/k_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "diffusion/samplers/k_diffusion/denoiser.h"
#include "diffusion/samplers/k_diffusion/k_sampler.h"
#include "diffusion/samplers/k_diffusion/k_schedule.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<const KSampler*, 12> kTable = {
    &kEuler,   &kEulerAncestral,   &kHeun,     &kDpm2,       &kDpm2Ancestral,
    &kLms,     &kDpmpp2sAncestral, &kDpmppSde, &kDpmpp2mSde, &kDpmpp2mSdeHeun,
    &kDpmpp2m, &kDpmpp3mSde};

constexpr std::array kSchedules = {Schedule::automatic,
                                   Schedule::uniform,
                                   Schedule::karras,
                                   Schedule::exponential,
                                   Schedule::polyexponential,
                                   Schedule::sgm_uniform,
                                   Schedule::kl_optimal,
                                   Schedule::align_your_steps,
                                   Schedule::simple,
                                   Schedule::normal,
                                   Schedule::ddim,
                                   Schedule::beta};

// The step of every sampler here. The first of a state's tensors is the sample at the step's first
// call, the others are what is remembered.
void linear_step(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                 std::span<float> sample) {
  const LinearStep& step = plan.linear_steps[input.call];
  std::vector<std::vector<float>>& history = state.history;
  if (step.opens) std::ranges::copy(sample, history[0].begin());
  std::rotate(history.begin() + 1, history.end() - 1, history.end());
  const auto sigma = static_cast<float>(step.sigma);
  for (size_t i = 0; i < sample.size(); ++i) {
    const double x = sample[i];
    const double denoised =
        predict_original(plan.config.prediction, sigma, sample[i], input.output[i]);
    history[1][i] =
        static_cast<float>(step.remember_sample * x + step.remember_denoised * denoised);
    double next = step.sample * x + step.kept * history[0][i];
    for (size_t k = 0; k < LinearStep::kMemory; ++k) next += step.memory[k] * history[k + 1][i];
    if (step.noise != 0) next += step.noise * input.noise[i];
    sample[i] = static_cast<float>(next);
  }
}

Sampler row_of(const KSampler& sampler) {
  return {.name = sampler.name,
          .title = sampler.title,
          .diffusers_class = sampler.function,
          .aliases = sampler.aliases,
          .schedules = kSchedules,
          .default_schedule = sampler.automatic,
          .default_spacing = TimestepSpacing::linspace,
          .scales_input = true,
          .history = 1 + LinearStep::kMemory,
          .calls_per_step = sampler.calls_per_step,
          .default_eta = 1.0,
          .has_zero_snr = true,
          .plan = nullptr,
          .step = linear_step};
}

const std::array<Sampler, kTable.size()>& rows() {
  static const auto all = [] {
    std::array<Sampler, kTable.size()> rows{};
    std::ranges::transform(kTable, rows.begin(), [](const KSampler* s) { return row_of(*s); });
    return rows;
  }();
  return all;
}

const KSampler& k_sampler(const Sampler& row) {
  return *kTable[static_cast<size_t>(&row - rows().data())];
}

Status check(const SamplerOptions& options, int64_t timesteps) {
  if (options.steps < 1 || options.steps > timesteps)
    return error(ErrorCode::invalid_argument, "{} steps are not within 1 to the model's {}",
                 options.steps, timesteps);
  if (options.eta && !(*options.eta >= 0.0 && *options.eta <= 1.0))
    return error(ErrorCode::invalid_argument, "eta {} is not within 0 to 1", *options.eta);
  if (options.spacing)
    return error(ErrorCode::unsupported,
                 "AUTOMATIC1111's samplers have no --timestep-spacing; pass a --schedule");
  const KOptions& k = options.k;
  if ((k.sigma_min && !(*k.sigma_min > 0)) || (k.sigma_max && !(*k.sigma_max > 0)) ||
      (k.rho && !(*k.rho > 0)))
    return error(ErrorCode::invalid_argument, "the ends and the rho of a schedule must be above 0");
  return {};
}

// What the plan's steps do: from its step_sigmas.
void lay_out_steps(const SamplerOptions& options, const Denoiser& denoiser, SamplerPlan& plan) {
  const std::vector<double> sigmas(plan.step_sigmas.begin(), plan.step_sigmas.end());
  plan.linear_steps =
      k_sampler(*plan.sampler).steps({.sigmas = sigmas, .eta = plan.eta, .options = options.k});
  size_t done = 0;
  for (const LinearStep& step : plan.linear_steps) {
    const auto seen = static_cast<float>(step.sigma);
    plan.sigmas.push_back(step.opens ? plan.step_sigmas[done++] : seen);
    plan.input_sigmas.push_back(seen);
    plan.timesteps.push_back(static_cast<float>(options.k.quantize
                                                    ? denoiser.nearest_timestep(step.sigma)
                                                    : denoiser.timestep(step.sigma)));
    plan.draws.emplace_back();
    if (step.draw) plan.draws.back().push_back(*step.draw);
  }
  plan.sigmas.push_back(plan.step_sigmas.back());
  plan.init_noise_sigma = plan.step_sigmas.front();
}

void set_brownian_range(SamplerPlan& plan) {
  double low = 0, high = 0;
  for (const double sigma : plan.step_sigmas) {
    if (sigma > 0 && (low == 0 || sigma < low)) low = sigma;
    high = std::max(high, sigma);
  }
  plan.brownian = BrownianRange{low, high};
}

bool draws_brownian_noise(const SamplerPlan& plan) {
  return std::ranges::any_of(plan.linear_steps, [](const LinearStep& step) {
    return step.draw && step.draw->is_brownian();
  });
}

// The steps from `first` on of a schedule of `steps`.
Result<SamplerPlan> plan_from(const SamplerOptions& options, const SchedulerConfig& config,
                              const Img2ImgSteps& part) {
  TRY(check(options, config.num_train_timesteps));
  ASSIGN_OR_RETURN(const SamplerChoice choice, find_sampler(options.sampler, Compat::a1111));
  const KSampler& sampler = k_sampler(*choice.sampler);
  SamplerPlan plan;
  plan.sampler = choice.sampler;
  plan.schedule = options.schedule.value_or(choice.schedule.value_or(sampler.automatic));
  if (plan.schedule == Schedule::automatic) plan.schedule = sampler.automatic;
  plan.config = config;
  plan.config.prediction = options.prediction.value_or(config.prediction);
  plan.config.rescale_betas_zero_snr |= options.rescale_betas_zero_snr;
  plan.steps = options.steps;
  plan.eta = options.eta.value_or(1.0);
  const Denoiser denoiser = make_denoiser(plan.config);
  plan.alphas_cumprod = denoiser.alphas_cumprod;
  const bool discard = sampler.discards || options.k.discard_penultimate;
  ASSIGN_OR_RETURN(const std::vector<double> sigmas,
                   make_sigmas(plan.schedule, denoiser, part.steps, discard, options.k));
  if (std::ranges::adjacent_find(sigmas, std::less_equal()) != sigmas.end())
    return error(ErrorCode::invalid_argument,
                 "the schedule {} of {} steps has a noise level twice; use fewer steps",
                 name(plan.schedule), part.steps);
  plan.step_sigmas.assign(sigmas.begin(), sigmas.end());
  set_brownian_range(plan);
  plan.begin = static_cast<size_t>(part.first);
  plan.step_sigmas.erase(plan.step_sigmas.begin(), plan.step_sigmas.begin() + part.first);
  lay_out_steps(options, denoiser, plan);
  if (!draws_brownian_noise(plan)) plan.brownian.reset();
  return plan;
}

}  // namespace

std::span<const Sampler* const> samplers() {
  static const auto pointers_to_all = [] {
    std::array<const Sampler*, kTable.size()> pointers{};
    std::ranges::transform(rows(), pointers.begin(), [](const Sampler& row) { return &row; });
    return pointers;
  }();
  return pointers_to_all;
}

Result<SamplerPlan> make_plan(const SamplerOptions& options, const SchedulerConfig& config) {
  ASSIGN_OR_RETURN(SamplerPlan plan, plan_from(options, config, {options.steps, 0}));
  const float sigma = plan.step_sigmas.front();
  if (options.k.sgm_noise_multiplier) plan.init_noise_sigma = std::sqrt(1 + sigma * sigma);
  return plan;
}

Img2ImgSteps img2img_steps(int64_t steps, double strength, bool exact_steps) {
  const double part = std::min(strength, 0.999);
  const auto asked = static_cast<double>(steps);
  const auto laid_out = exact_steps ? static_cast<int64_t>(asked / part) : steps;
  const auto encoded = exact_steps ? steps - 1 : static_cast<int64_t>(part * asked);
  return {laid_out, laid_out - encoded - 1};
}

Result<SamplerPlan> make_img2img_plan(const SamplerOptions& options, const SchedulerConfig& config,
                                      double strength, bool exact_steps) {
  if (!(strength >= 0.0 && strength <= 1.0))
    return error(ErrorCode::invalid_argument, "the strength {} is not within 0 to 1", strength);
  const Img2ImgSteps part = strength == 0 && exact_steps
                                ? Img2ImgSteps{}
                                : img2img_steps(options.steps, strength, exact_steps);
  constexpr int64_t kMostSteps = 100'000;
  if (part.steps < 1 || part.steps > kMostSteps)
    return error(ErrorCode::invalid_argument,
                 "{} steps at strength {} are the end of no schedule; use a higher strength",
                 options.steps, strength);
  return plan_from(options, config, part);
}

}  // namespace tempera::diffusion::k_diffusion
