#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tempera {

// Text from outside, in single quotes, for a sentence: bytes that are not printable ASCII or part
// of well-formed UTF-8 become \xNN, and text over `limit` bytes is cut and ends in "...", so that a
// hostile name cannot drive a terminal.
std::string quote(std::string_view text, size_t limit = 120);

// The length in bytes of the UTF-8 sequence that `text` starts with; 0 when it is empty or ill
// formed (overlong forms, surrogates and code points over U+10FFFF are ill formed).
size_t utf8_sequence_length(std::string_view text);

bool is_utf8(std::string_view text);

// The parts between commas, empty ones too; "" is one empty part.
std::vector<std::string_view> split_at_commas(std::string_view text);

}  // namespace tempera
