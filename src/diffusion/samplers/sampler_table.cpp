#include "diffusion/samplers/sampler_table.h"

#include <cmath>

#include "diffusion/samplers/beta_schedule.h"
#include "diffusion/samplers/noise_schedule.h"

namespace tempera::diffusion {

void set_alphas(SamplerPlan& plan, ZeroSnr zero_snr) {
  const bool rescale = plan.config.rescale_betas_zero_snr && zero_snr != ZeroSnr::ignored;
  std::vector<float> betas = make_betas(plan.config);
  if (rescale) betas = rescale_zero_terminal_snr(betas);
  plan.alphas_cumprod = cumulative_alphas(betas);
  if (rescale && zero_snr == ZeroSnr::clamped) plan.alphas_cumprod.back() = 0x1p-24f;
}

std::vector<double> spaced_timesteps(const SamplerPlan& plan, bool rounded) {
  const int64_t total = plan.config.num_train_timesteps;
  std::vector<double> timesteps;
  switch (plan.spacing) {
    case TimestepSpacing::linspace:
      timesteps = linspace_timesteps(static_cast<double>(total - 1), plan.steps);
      break;
    case TimestepSpacing::leading:
      return leading_timesteps(total / plan.steps, plan.steps, plan.config.steps_offset);
    case TimestepSpacing::trailing:
      return trailing_timesteps(static_cast<double>(total),
                                static_cast<double>(total) / static_cast<double>(plan.steps));
  }
  if (rounded) round_all(timesteps);
  return timesteps;
}

bool spreads_sigmas(Schedule schedule) {
  return schedule != Schedule::discrete && schedule != Schedule::sgm_uniform;
}

std::vector<double> spread_sigmas(const SamplerPlan& plan, double smallest, double largest) {
  const double low = plan.config.sigma_min.value_or(smallest);
  const double high = plan.config.sigma_max.value_or(largest);
  switch (plan.schedule) {
    case Schedule::karras:
      return karras_sigmas(low, high, plan.steps);
    case Schedule::exponential:
      return exponential_sigmas(low, high, plan.steps);
    case Schedule::beta:
      return beta_sigmas(low, high, plan.steps);
    default:
      break;
  }
  CHECK(false, "schedule {} has sigmas of its own", name(plan.schedule));
}

void set_schedule(SamplerPlan& plan, const std::vector<double>& timesteps,
                  const std::vector<double>& sigmas) {
  plan.timesteps.assign(timesteps.begin(), timesteps.end());
  plan.sigmas.assign(sigmas.begin(), sigmas.end());
  const float first = plan.alphas_cumprod.front();
  const bool to_zero = plan.config.final_sigma == FinalSigma::zero;
  plan.sigmas.push_back(to_zero ? 0.0f : std::sqrt((1.0f - first) / first));
}

Status set_alpha_schedule(SamplerPlan& plan, const std::vector<double>& timesteps,
                          bool set_alpha_to_one) {
  const int64_t total = plan.config.num_train_timesteps;
  for (double timestep : timesteps)
    if (timestep >= static_cast<double>(total) || timestep < -static_cast<double>(total))
      return error(ErrorCode::invalid_argument,
                   "sampler {} with {} steps begins at timestep {}, but the model has only {}; "
                   "use fewer steps or --timestep-spacing trailing",
                   plan.sampler->name, plan.steps, timestep, total);
  plan.timesteps.assign(timesteps.begin(), timesteps.end());
  plan.final_alpha = set_alpha_to_one ? 1.0f : plan.alphas_cumprod.front();
  std::vector<float> alphas(timesteps.size());
  for (size_t i = 0; i < alphas.size(); ++i)
    alphas[i] = alpha_from(plan, static_cast<int64_t>(plan.timesteps[i]));
  alphas.push_back(plan.final_alpha);
  plan.sigmas = noise_levels(alphas);
  return {};
}

float alpha_from(const SamplerPlan& plan, int64_t timestep) {
  const auto total = static_cast<int64_t>(plan.alphas_cumprod.size());
  const int64_t index = timestep < 0 ? timestep + total : timestep;
  CHECK(index >= 0 && index < total, "timestep {} of {}", timestep, total);
  return plan.alphas_cumprod[index];
}

float alpha_to(const SamplerPlan& plan, int64_t timestep) {
  return timestep < 0 ? plan.final_alpha : alpha_from(plan, timestep);
}

Error unsupported_config(const SamplerPlan& plan, std::string_view what) {
  return error(ErrorCode::unsupported,
               "sampler {} does not support {} of the model's scheduler config", plan.sampler->name,
               what);
}

}  // namespace tempera::diffusion
