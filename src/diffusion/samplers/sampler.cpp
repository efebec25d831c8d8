#include "diffusion/samplers/sampler.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/suggest.h"
#include "base/text.h"
#include "diffusion/samplers/k_diffusion/k_plan.h"
#include "diffusion/samplers/sampler_table.h"

namespace tempera::diffusion {
namespace {

constexpr std::array<const Sampler*, 17> kSamplers = {
    &kDdim,    &kDdpm,  &kPlms,          &kLms,     &kEuler,   &kEulerAncestral,
    &kHeun,    &kDpm2,  &kDpm2Ancestral, &kDpmpp2m, &kDpmpp3m, &kDpmpp2mSde,
    &kDpmpp2s, &kUnipc, &kDeis,          &kLcm,     &kTcd};

bool is_called(const Sampler& sampler, std::string_view plain) {
  return plain == plain_name(sampler.name) || plain == plain_name(sampler.title) ||
         plain == plain_name(sampler.diffusers_class) ||
         std::ranges::find(sampler.aliases, plain) != sampler.aliases.end();
}

Status check_schedule(const Sampler& sampler, Schedule schedule, const SamplerOptions& options) {
  if (std::ranges::find(sampler.schedules, schedule) == sampler.schedules.end()) {
    std::vector<std::string_view> known;
    for (const Schedule each : sampler.schedules) known.push_back(name(each));
    return error(ErrorCode::unsupported,
                 "sampler {} has no {} schedule, as diffusers' {} has no flag for it; pass "
                 "--schedule {}",
                 sampler.name, name(schedule), sampler.diffusers_class, fmt::join(known, " or "));
  }
  if (schedule == Schedule::sgm_uniform &&
      options.spacing.value_or(TimestepSpacing::trailing) != TimestepSpacing::trailing)
    return error(ErrorCode::invalid_argument,
                 "the sgm_uniform schedule is discrete with trailing timesteps, not {}; pass "
                 "--schedule discrete",
                 name(*options.spacing));
  return {};
}

Status check_options(const Sampler& sampler, const SamplerOptions& options,
                     const SchedulerConfig& config) {
  if (options.steps < 1 || options.steps > config.num_train_timesteps)
    return error(ErrorCode::invalid_argument, "{} steps are not within 1 to the model's {}",
                 options.steps, config.num_train_timesteps);
  if (options.eta && !(*options.eta >= 0.0 && *options.eta <= 1.0))
    return error(ErrorCode::invalid_argument, "eta {} is not within 0 to 1", *options.eta);
  if (options.eta && !sampler.default_eta)
    return error(ErrorCode::unsupported, "sampler {} takes no eta; leave out --eta {}",
                 sampler.name, *options.eta);
  if (options.rescale_betas_zero_snr && !sampler.has_zero_snr)
    return error(ErrorCode::unsupported,
                 "sampler {} cannot rescale betas to zero SNR, as diffusers' {} has no "
                 "rescale_betas_zero_snr; leave out --rescale-betas-zero-snr",
                 sampler.name, sampler.diffusers_class);
  return {};
}

// Splits "dpm++2mkarras" into the sampler's name and a schedule's.
struct SplitName {
  std::string_view sampler;
  std::optional<Schedule> schedule;
};
SplitName split_name(std::string_view plain, Compat compat) {
  for (const std::string& schedule : schedule_names(compat)) {
    const std::string suffix = plain_name(schedule);
    if (plain.size() > suffix.size() && plain.ends_with(suffix))
      return {plain.substr(0, plain.size() - suffix.size()),
              parse_schedule(schedule, compat).value()};
  }
  return {plain, {}};
}

}  // namespace

std::span<const Sampler* const> samplers(Compat compat) {
  return compat == Compat::a1111 ? k_diffusion::samplers() : kSamplers;
}

Result<SamplerChoice> find_sampler(std::string_view name, Compat compat) {
  const std::string plain = plain_name(name);
  const SplitName split = split_name(plain, compat);
  std::vector<std::string> names;
  for (const Sampler* sampler : samplers(compat)) {
    if (is_called(*sampler, plain)) return SamplerChoice{sampler, {}};
    if (is_called(*sampler, split.sampler)) return SamplerChoice{sampler, split.schedule};
    names.emplace_back(sampler->name);
  }
  return error(ErrorCode::invalid_argument, "unknown sampler {}; the samplers are {}{}",
               quote(name), fmt::join(names, ", "), suggestion(split.sampler, names));
}

std::string title(const SamplerPlan& plan) {
  const std::string_view schedule = title(plan.schedule);
  return fmt::format("{}{}{}", plan.sampler->title, schedule.empty() ? "" : " ", schedule);
}

Result<SamplerPlan> make_sampler_plan(const SamplerOptions& options,
                                      const SchedulerConfig& config) {
  if (options.compat == Compat::a1111) return k_diffusion::make_plan(options, config);
  ASSIGN_OR_RETURN(const SamplerChoice choice, find_sampler(options.sampler));
  const Sampler& sampler = *choice.sampler;
  SamplerPlan plan;
  plan.sampler = &sampler;
  plan.schedule = options.schedule.value_or(choice.schedule.value_or(sampler.default_schedule));
  TRY(check_schedule(sampler, plan.schedule, options));
  TRY(check_options(sampler, options, config));
  plan.config = config;
  plan.config.prediction = options.prediction.value_or(config.prediction);
  plan.config.rescale_betas_zero_snr |= options.rescale_betas_zero_snr;
  plan.spacing =
      plan.schedule == Schedule::sgm_uniform
          ? TimestepSpacing::trailing
          : options.spacing.value_or(config.timestep_spacing.value_or(sampler.default_spacing));
  plan.steps = options.steps;
  plan.eta = options.eta.value_or(sampler.default_eta.value_or(0.0));
  TRY(sampler.plan(plan));
  return plan;
}

size_t step_of(const SamplerPlan& plan, size_t call) {
  if (plan.step_of_call.empty()) return call / plan.sampler->calls_per_step;
  return plan.step_of_call.at(call) - plan.step_of_call[0];
}

size_t draws_of(const SamplerPlan& plan, size_t call) {
  return plan.draws.empty() ? 0 : plan.draws.at(call).size();
}

void draw_every_step(SamplerPlan& plan) { plan.draws.assign(plan.timesteps.size(), {NoiseDraw{}}); }

SamplerState make_sampler_state(const SamplerPlan& plan, size_t count) {
  return {std::vector<std::vector<float>>(plan.sampler->history, std::vector<float>(count))};
}

void add_churn(const SamplerPlan& plan, size_t call, std::span<const float> noise,
               std::span<float> sample) {
  if (plan.linear_steps.empty() || plan.linear_steps[call].churn == 0) return;
  const auto weight = static_cast<float>(plan.linear_steps[call].churn);
  for (size_t i = 0; i < sample.size(); ++i) sample[i] += weight * noise[i];
}

void scale_input(const SamplerPlan& plan, size_t call, std::span<const float> sample,
                 std::span<float> scaled) {
  const float sigma = plan.input_sigmas.empty() ? plan.sigmas[call] : plan.input_sigmas[call];
  const float divisor = plan.sampler->scales_input ? std::sqrt(sigma * sigma + 1.0f) : 1.0f;
  for (size_t i = 0; i < sample.size(); ++i) scaled[i] = sample[i] / divisor;
}

void sampler_step(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                  std::span<float> sample) {
  CHECK(input.call < plan.timesteps.size(), "call {} of {}", input.call, plan.timesteps.size());
  CHECK(input.output.size() == sample.size(), "{} outputs for {} samples", input.output.size(),
        sample.size());
  const size_t draws = draws_of(plan, input.call);
  CHECK(input.noise.size() == draws * sample.size(), "{} noises for {} draws of {}",
        input.noise.size(), draws, sample.size());
  plan.sampler->step(plan, input, state, sample);
}

}  // namespace tempera::diffusion
