#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// How the noise levels of a run are spread over the model's own. sgm_uniform is discrete with
// trailing spacing.
enum class Schedule { discrete, karras, exponential, beta, sgm_uniform };

std::string_view name(Schedule schedule);
// AUTOMATIC1111's name; empty for discrete.
std::string_view title(Schedule schedule);
std::vector<std::string> schedule_names();

// By its name or title; letter case, spaces and punctuation aside.
Result<Schedule> parse_schedule(std::string_view name);

// Lower-case letters, digits and plus signs only: how names of samplers and schedules are compared.
std::string plain_name(std::string_view name);

}  // namespace tempera::diffusion
