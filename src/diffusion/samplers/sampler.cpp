#include "diffusion/samplers/sampler.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "base/suggest.h"
#include "base/text.h"
#include "diffusion/samplers/sampler_table.h"

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
  std::vector<std::string> names;
  for (const Sampler* sampler : kSamplers) {
    choice.sampler = sampler;
    if (is_called(*sampler, plain)) return choice;
    known += (known.empty() ? "" : ", ") + std::string(sampler->name);
    names.emplace_back(sampler->name);
  }
  return error(ErrorCode::invalid_argument, "unknown sampler {}; the samplers are {}{}",
               quote(name), known, suggestion(plain, names));
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

size_t draws_of(const SamplerPlan& plan, size_t call) {
  return plan.draws.empty() ? 0 : plan.draws.at(call).size();
}

void draw_every_step(SamplerPlan& plan) { plan.draws.assign(plan.timesteps.size(), {NoiseDraw{}}); }

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
  const size_t draws = draws_of(plan, input.call);
  CHECK(input.noise.size() == draws * sample.size(), "{} noises for {} draws of {}",
        input.noise.size(), draws, sample.size());
  plan.sampler->step(plan, input, state, sample);
}

}  // namespace tempera::diffusion
