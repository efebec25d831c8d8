#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tempera::diffusion {

// Whether a text holds a __name__.
bool has_wildcards(std::string_view text);

// Puts a line of FOLDER/name.txt in the place of each __name__, where name may hold folders and
// white space; lines may hold wildcards themselves. Empty lines and those that begin with # are no
// choices. Which line depends on the seed and on the wildcard's place among those of the text only.
// not_found: no such file. invalid_argument: no line in it, wildcards that hold one another.
Result<std::string> expand_wildcards(std::string_view text, const std::string& folder,
                                     uint64_t seed);

}  // namespace tempera::diffusion
