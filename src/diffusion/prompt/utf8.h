#pragma once

#include <string>
#include <string_view>

namespace tempera::diffusion {

// Ill-formed parts of UTF-8 text become U+FFFD, one for each maximal subpart (as Python's
// errors="replace").
std::string repair_utf8(std::string_view text);

// Of well-formed text.
std::u32string to_utf32(std::string_view text);
std::string to_utf8(std::u32string_view text);

}  // namespace tempera::diffusion
