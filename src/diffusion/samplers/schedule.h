#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// Whose samplers, schedules and noise a name means.
enum class Compat { diffusers, a1111 };
std::string_view name(Compat compat);
Result<Compat> parse_compat(std::string_view name);

// How the noise levels of a run are spread over the model's own. Of diffusers' sgm_uniform is
// discrete with trailing spacing; from `automatic` on they are AUTOMATIC1111's alone, as `discrete`
// is diffusers'.
enum class Schedule {
  discrete,
  karras,
  exponential,
  beta,
  sgm_uniform,
  automatic,  // the one that AUTOMATIC1111 has for the sampler
  uniform,
  polyexponential,
  kl_optimal,
  align_your_steps,
  simple,
  normal,
  ddim
};

std::string_view name(Schedule schedule);
// AUTOMATIC1111's name; empty for discrete.
std::string_view title(Schedule schedule);
std::vector<std::string> schedule_names(Compat compat = Compat::diffusers);

// By its name or title; letter case, spaces and punctuation aside.
Result<Schedule> parse_schedule(std::string_view name, Compat compat = Compat::diffusers);

// Lower-case letters, digits and plus signs only: how names of samplers and schedules are compared.
std::string plain_name(std::string_view name);

}  // namespace tempera::diffusion
