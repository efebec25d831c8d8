#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tempera::diffusion {

// The scheduler_config.json that a builtin scheduler of base/builtin.h names: SD 1.5's, the same
// with v-prediction, and that with rescaled betas and trailing timesteps. None for paths of files.
std::optional<std::string> stock_scheduler_config(std::string_view path);
// That text, or the file's.
Result<std::string> read_scheduler_text(const std::string& path);

}  // namespace tempera::diffusion
