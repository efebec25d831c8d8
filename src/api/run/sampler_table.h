#pragma once

#include <optional>
#include <string>
#include <string_view>
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
// Of diffusers, or of "a1111". `diffusers_class` is k-diffusion's function there.
Result<std::vector<SamplerDescription>> sampler_descriptions(std::string_view compat);

struct SamplerQuestion {
  std::string sampler;
  std::optional<std::string> schedule, timestep_spacing, prediction;
  bool rescale_betas_zero_snr = false;
  int64_t steps = 20;
  std::optional<double> eta;
  std::optional<double> strength;    // of img2img: the last part of the steps only
  std::string compat = "diffusers";  // or "a1111"
};
// `scheduler_config` is the path of a model's scheduler_config.json.
Result<diffusion::SamplerPlan> plan_sampler(const SamplerQuestion& question,
                                            const std::string& scheduler_config);

struct SamplerTable {
  std::vector<float> timesteps;  // of each model call
  // The noise level at each call, then the final one; of a1111 at each step.
  std::vector<float> sigmas;
};
Result<SamplerTable> sampler_table(const SamplerQuestion& question,
                                   const std::string& scheduler_config);

}  // namespace tempera::api
