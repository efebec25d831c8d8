#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace tempera::diffusion {

// How a prompt's text is read. plain: as it stands, cut at the text encoder's length, as diffusers
// does. a1111: AUTOMATIC1111's grammar, of any length.
enum class PromptLanguage : uint8_t { plain, a1111 };

Result<PromptLanguage> parse_prompt_language(std::string_view name);
std::string_view name(PromptLanguage language);

struct PromptSettings {
  PromptLanguage language = PromptLanguage::plain;
  auto operator<=>(const PromptSettings&) const = default;
};

}  // namespace tempera::diffusion
