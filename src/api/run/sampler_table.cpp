#include "api/run/sampler_table.h"

#include "diffusion/samplers/sampler.h"
#include "diffusion/samplers/scheduler_config.h"

namespace tempera::api {

std::vector<SamplerDescription> sampler_descriptions() {
  std::vector<SamplerDescription> descriptions;
  for (const diffusion::Sampler* sampler : diffusion::samplers())
    descriptions.push_back({std::string(sampler->name), std::string(sampler->title),
                            std::string(sampler->diffusers_class), sampler->has_karras,
                            std::string(diffusion::name(sampler->default_schedule))});
  return descriptions;
}

Result<SamplerTable> sampler_table(const SamplerQuestion& question,
                                   const std::string& scheduler_config) {
  diffusion::SamplerOptions options{.sampler = question.sampler, .steps = question.steps};
  if (question.schedule) {
    ASSIGN_OR_RETURN(options.schedule, diffusion::parse_schedule(*question.schedule));
  }
  if (question.timestep_spacing) {
    ASSIGN_OR_RETURN(options.spacing, diffusion::parse_timestep_spacing(*question.timestep_spacing,
                                                                        "--timestep-spacing"));
  }
  ASSIGN_OR_RETURN(const auto config, diffusion::read_scheduler_config(scheduler_config));
  ASSIGN_OR_RETURN(const auto plan, diffusion::make_sampler_plan(options, config));
  return SamplerTable{plan.timesteps, plan.sigmas};
}

}  // namespace tempera::api
