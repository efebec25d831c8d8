#pragma once

#include <cstdint>
#include <string>

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// The picture for a terminal with 24-bit colours: each character is an upper half block, its
// foreground one pixel and its background the one below. Shrunk to at most `columns` and `lines`
// characters, never enlarged; every line ends with the colours reset and a line break.
std::string half_blocks(const Image& image, int64_t columns, int64_t lines);

}  // namespace tempera::diffusion
