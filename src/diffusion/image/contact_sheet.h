#pragma once

#include <span>

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// Pictures in rows of `columns`, each in a cell of the size of the largest, at its upper left; what
// stays free is black.
Image contact_sheet(std::span<const Image> images, int64_t columns);

}  // namespace tempera::diffusion
