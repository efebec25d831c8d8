#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::api {

struct SamplerDescription {
  std::string name, title, diffusers_class;
  std::vector<std::string> aliases;    // beside these three; punctuation and letter case aside
  std::vector<std::string> schedules;  // those that it has
  std::string default_schedule;
};
std::vector<SamplerDescription> sampler_descriptions();

struct SamplerQuestion {
  std::string sampler;
  std::optional<std::string> schedule, timestep_spacing, prediction;
  bool rescale_betas_zero_snr = false;
  int64_t steps = 20;
  std::optional<double> eta;
  std::optional<double> strength;  // of img2img: the last part of the steps only
};
// `scheduler_config` is the path of a model's scheduler_config.json.
Result<diffusion::SamplerPlan> plan_sampler(const SamplerQuestion& question,
                                            const std::string& scheduler_config);

struct SamplerTable {
  std::vector<float> timesteps;  // of each model call
  std::vector<float> sigmas;     // the noise level at each, then the final one
};
Result<SamplerTable> sampler_table(const SamplerQuestion& question,
                                   const std::string& scheduler_config);

}  // namespace tempera::api
