#include "api/run/sampler_table.h"

#include "diffusion/samplers/k_diffusion/k_plan.h"
#include "diffusion/samplers/sampler.h"
#include "diffusion/samplers/scheduler_config.h"

namespace tempera::api {

namespace {

SamplerDescription describe(const diffusion::Sampler& sampler) {
  SamplerDescription description{
      .name = std::string(sampler.name),
      .title = std::string(sampler.title),
      .diffusers_class = std::string(sampler.diffusers_class),
      .aliases = {sampler.aliases.begin(), sampler.aliases.end()},
      .default_schedule = std::string(diffusion::name(sampler.default_schedule))};
  for (const diffusion::Schedule schedule : sampler.schedules)
    description.schedules.emplace_back(diffusion::name(schedule));
  return description;
}

}  // namespace

Result<std::vector<SamplerDescription>> sampler_descriptions(std::string_view compat) {
  ASSIGN_OR_RETURN(const diffusion::Compat whose, diffusion::parse_compat(compat));
  std::vector<SamplerDescription> descriptions;
  for (const diffusion::Sampler* sampler : diffusion::samplers(whose))
    descriptions.push_back(describe(*sampler));
  return descriptions;
}

Result<diffusion::SamplerPlan> plan_sampler(const SamplerQuestion& question,
                                            const std::string& scheduler_config) {
  diffusion::SamplerOptions options{.sampler = question.sampler,
                                    .steps = question.steps,
                                    .eta = question.eta,
                                    .rescale_betas_zero_snr = question.rescale_betas_zero_snr};
  ASSIGN_OR_RETURN(options.compat, diffusion::parse_compat(question.compat));
  if (question.schedule) {
    ASSIGN_OR_RETURN(options.schedule,
                     diffusion::parse_schedule(*question.schedule, options.compat));
  }
  if (question.timestep_spacing) {
    ASSIGN_OR_RETURN(options.spacing, diffusion::parse_timestep_spacing(*question.timestep_spacing,
                                                                        "--timestep-spacing"));
  }
  if (question.prediction) {
    ASSIGN_OR_RETURN(options.prediction,
                     diffusion::parse_prediction(*question.prediction, "--prediction"));
  }
  ASSIGN_OR_RETURN(const auto config, diffusion::read_scheduler_config(scheduler_config));
  if (question.strength && options.compat == diffusion::Compat::a1111)
    return diffusion::k_diffusion::make_img2img_plan(options, config, *question.strength);
  ASSIGN_OR_RETURN(auto plan, diffusion::make_sampler_plan(options, config));
  return question.strength ? diffusion::cut(std::move(plan), *question.strength) : std::move(plan);
}

Result<SamplerTable> sampler_table(const SamplerQuestion& question,
                                   const std::string& scheduler_config) {
  ASSIGN_OR_RETURN(const auto plan, plan_sampler(question, scheduler_config));
  return SamplerTable{plan.timesteps, plan.step_sigmas.empty() ? plan.sigmas : plan.step_sigmas};
}

}  // namespace tempera::api
