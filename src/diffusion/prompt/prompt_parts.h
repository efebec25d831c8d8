#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera::diffusion {

// One of the prompts that AND joins.
struct PromptPart {
  std::string text;
  double weight = 1.0;
  bool operator==(const PromptPart&) const = default;
};

// Splits at each AND that is a whole word; then a ":number" at the end of a part is its weight. A
// text without AND is one part as it stands.
std::vector<PromptPart> split_prompt(std::string_view text);

}  // namespace tempera::diffusion
