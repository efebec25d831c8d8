#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera::diffusion {

// A piece of a prompt and how much attention it gets, or the BREAK between two chunks.
struct WeightedText {
  std::string text;
  double weight = 1.0;
  bool is_break = false;
  bool operator==(const WeightedText&) const = default;
};

// AUTOMATIC1111's grammar: (x) times 1.1, [x] by 1.1, (x:1.3) times 1.3; a backslash before one of
// ()[]\ makes it text; BREAK as a whole word, in brackets too. A bracket that is never closed
// counts to the end of the text, a closing one without an opening one is text. Any text has a
// meaning; the result is never empty.
std::vector<WeightedText> parse_attention(std::string_view text);

}  // namespace tempera::diffusion
