#include "diffusion/sampler.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "base/text.h"
#include "diffusion/beta_schedule.h"
#include "diffusion/noise_schedule.h"
#include "diffusion/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<const Sampler*, 5> kSamplers = {&kDdim, &kPlms, &kEuler, &kEulerAncestral,
                                                     &kDpmpp2m};

// Lower-case letters, digits and plus signs only.
std::string plain_name(std::string_view name) {
  std::string plain;
  for (unsigned char c : name)
    if (std::isalnum(c) || c == '+') plain += static_cast<char>(std::tolower(c));
  return plain;
}

bool is_called(const Sampler& sampler, std::string_view plain) {
  return plain == plain_name(sampler.name) || plain == plain_name(sampler.title) ||
         plain == plain_name(sampler.diffusers_class) ||
         std::ranges::find(sampler.aliases, plain) != sampler.aliases.end();
}

Status check_options(const Sampler& sampler, Schedule schedule, const SamplerOptions& options,
                     const SchedulerConfig& config) {
  if (schedule == Schedule::karras && !sampler.has_karras)
    return error(ErrorCode::unsupported,
                 "sampler {} has no karras schedule, as diffusers' {} has no use_karras_sigmas; "
                 "pass --schedule discrete",
                 sampler.name, sampler.diffusers_class);
  if (options.steps < 1 || options.steps > config.num_train_timesteps)
    return error(ErrorCode::invalid_argument, "{} steps are not within 1 to the model's {}",
                 options.steps, config.num_train_timesteps);
  if (!(options.eta >= 0.0 && options.eta <= 1.0))
    return error(ErrorCode::invalid_argument, "eta {} is not within 0 to 1", options.eta);
  return {};
}

}  // namespace

std::span<const Sampler* const> samplers() { return kSamplers; }

Result<SamplerChoice> find_sampler(std::string_view name) {
  std::string plain = plain_name(name);
  SamplerChoice choice{};
  static constexpr std::string_view kKarras = "karras";
  if (plain.ends_with(kKarras)) {
    plain.resize(plain.size() - kKarras.size());
    choice.schedule = Schedule::karras;
  }
  std::string known;
  for (const Sampler* sampler : kSamplers) {
    choice.sampler = sampler;
    if (is_called(*sampler, plain)) return choice;
    known += (known.empty() ? "" : ", ") + std::string(sampler->name);
  }
  return error(ErrorCode::invalid_argument, "unknown sampler {}; the samplers are {}", quote(name),
               known);
}

Result<Schedule> parse_schedule(std::string_view name) {
  if (name == "discrete") return Schedule::discrete;
  if (name == "karras") return Schedule::karras;
  return error(ErrorCode::invalid_argument,
               "unknown schedule {}; the schedules are discrete, karras", quote(name));
}

std::string_view name(Schedule schedule) {
  return schedule == Schedule::karras ? "karras" : "discrete";
}

std::string title(const SamplerPlan& plan) {
  return std::string(plan.sampler->title) + (plan.schedule == Schedule::karras ? " Karras" : "");
}

Result<SamplerPlan> make_sampler_plan(const SamplerOptions& options,
                                      const SchedulerConfig& config) {
  ASSIGN_OR_RETURN(SamplerChoice choice, find_sampler(options.sampler));
  const Sampler& sampler = *choice.sampler;
  const Schedule schedule =
      options.schedule.value_or(choice.schedule.value_or(sampler.default_schedule));
  TRY(check_options(sampler, schedule, options, config));
  SamplerPlan plan;
  plan.sampler = &sampler;
  plan.config = config;
  plan.schedule = schedule;
  plan.spacing =
      options.spacing.value_or(config.timestep_spacing.value_or(sampler.default_spacing));
  plan.steps = options.steps;
  plan.eta = options.eta;
  TRY(sampler.plan(plan));
  return plan;
}

SamplerState make_sampler_state(const SamplerPlan& plan, size_t count) {
  return {std::vector<std::vector<float>>(plan.sampler->history, std::vector<float>(count))};
}

void scale_input(const SamplerPlan& plan, size_t call, std::span<const float> sample,
                 std::span<float> scaled) {
  const float sigma = plan.sigmas[call];
  const float divisor = plan.sampler->scales_input ? std::sqrt(sigma * sigma + 1.0f) : 1.0f;
  for (size_t i = 0; i < sample.size(); ++i) scaled[i] = sample[i] / divisor;
}

void sampler_step(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                  std::span<float> sample) {
  CHECK(input.call < plan.timesteps.size(), "call {} of {}", input.call, plan.timesteps.size());
  CHECK(input.output.size() == sample.size(), "{} outputs for {} samples", input.output.size(),
        sample.size());
  CHECK(!plan.draws_noise || input.noise.size() == sample.size(), "{} noises for {} samples",
        input.noise.size(), sample.size());
  plan.sampler->step(plan, input, state, sample);
}

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
  std::vector<float> alphas;
  for (float timestep : plan.timesteps)
    alphas.push_back(alpha_from(plan, static_cast<int64_t>(timestep)));
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
