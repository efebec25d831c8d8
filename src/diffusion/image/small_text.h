#pragma once

#include <cstdint>
#include <string_view>

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// Characters of a fixed width for labels, 5x7 dots and one between two: printable ASCII; a
// character beyond it is drawn as '?'. `dot`: its side in pixels.
inline constexpr int64_t kDotsAcross = 6, kDotsDown = 7;

// Of one line, in pixels.
int64_t text_width(std::string_view text, int64_t dot);

// The beginning of the text, as much as fits into `width` pixels.
std::string_view fitting_text(std::string_view text, int64_t width, int64_t dot);

// Black, with its upper left corner there; what lies outside the image is left out.
void draw_text(Image& image, int64_t left, int64_t top, int64_t dot, std::string_view text);

}  // namespace tempera::diffusion
