#pragma once

#include <string_view>

#include "frontend/checkpoint/config_reader.h"

namespace tempera::frontend {

enum class Activation : uint8_t { silu, relu, gelu, gelu_tanh, quick_gelu };

// The activation that a config names (transformers' and diffusers' names); unsupported if there is
// no such here.
Activation read_activation(ConfigReader& config, std::string_view key, std::string_view fallback);

}  // namespace tempera::frontend
