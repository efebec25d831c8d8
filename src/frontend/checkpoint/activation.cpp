#include "frontend/checkpoint/activation.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace tempera::frontend {
namespace {

constexpr std::array<std::pair<std::string_view, Activation>, 8> kNames = {{
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"relu", Activation::relu},
    {"gelu", Activation::gelu},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"quick_gelu", Activation::quick_gelu},
}};

}  // namespace

Activation read_activation(ConfigReader& config, std::string_view key, std::string_view fallback) {
  const std::string given = config.text(key, std::string(fallback));
  for (const auto& [name, activation] : kNames)
    if (name == given) return activation;
  config.require(
      false, ErrorCode::unsupported,
      fmt::format(
          "field '{}' is {}, which is not supported yet; silu, relu, gelu, gelu_pytorch_tanh and "
          "quick_gelu are",
          key, quote(given)));
  return Activation::silu;
}

}  // namespace tempera::frontend
