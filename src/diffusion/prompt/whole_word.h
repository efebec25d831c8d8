#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tempera::diffusion {

// Where `word` stands in `text` from `from` on with no letter, digit or underscore beside it; npos:
// nowhere.
size_t find_whole_word(std::string_view text, std::string_view word, size_t from = 0);

inline bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
std::string_view trim_front(std::string_view text);
std::string_view trim_back(std::string_view text);

// A decimal number that is the whole text, with a sign or without, independent of the locale.
std::optional<double> parse_decimal(std::string_view text);

}  // namespace tempera::diffusion
