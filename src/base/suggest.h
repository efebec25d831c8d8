#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera {

// Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other.
size_t edit_distance(std::string_view a, std::string_view b);

// "; did you mean 'X'?" with the nearest name, or nothing if none is near.
std::string suggestion(std::string_view text, const std::vector<std::string>& names);

}  // namespace tempera
