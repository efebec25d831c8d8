#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "frontend/checkpoint/weights.h"

namespace tempera::frontend {

// The weights file of a part's folder: safetensors before the shards of one before pickles, each
// plain before .fp16 before .bf16; .non_ema first if the moving average is not wanted, else last.
// not_found: none of them is there.
Result<std::string> choose_weights_file(Part part, const std::string& folder,
                                        std::optional<bool> prefers_ema = std::nullopt);

}  // namespace tempera::frontend
