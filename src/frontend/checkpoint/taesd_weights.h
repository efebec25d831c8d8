#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "frontend/checkpoint/weights.h"

namespace tempera::frontend {

// The decoder in a file of TAESD's, as open_taesd reads it.
Result<std::shared_ptr<const Weights>> open_taesd_weights(const std::string& path);

}  // namespace tempera::frontend
