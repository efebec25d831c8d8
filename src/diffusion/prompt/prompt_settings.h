#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace tempera::diffusion {

// How a prompt's text is read. plain: as it stands, cut at the text encoder's length, as diffusers
// does. a1111: AUTOMATIC1111's grammar, of any length, with the mean of the hidden states as it was
// before weighting.
enum class PromptLanguage : uint8_t { plain, a1111 };

Result<PromptLanguage> parse_prompt_language(std::string_view name);
std::string_view name(PromptLanguage language);

struct PromptSettings {
  PromptLanguage language = PromptLanguage::a1111;
  // 1: the whole text encoder, 2: without its last layer, and so on; the final norm stays. Layers
  // that the model's own config leaves out (SD 2) do not count. In plain language the negative
  // prompt sees the whole text encoder, as in diffusers.
  int64_t clip_skip = 1;
  int64_t steps_before = 0;  // of the first pass, in the second: see parse_schedule
  auto operator<=>(const PromptSettings&) const = default;
};

}  // namespace tempera::diffusion
