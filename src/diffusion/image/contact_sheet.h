#pragma once

#include <span>
#include <string>
#include <vector>

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// What stands above columns and left of rows, black on white; each over an equal part of them. What
// is too long for its place is cut.
struct SheetLabels {
  std::vector<std::string> columns, rows;
};

// Pictures in rows of `columns`, each in a cell of the size of the largest, at its upper left; what
// stays free is black.
Image contact_sheet(std::span<const Image> images, int64_t columns, const SheetLabels& labels = {});

}  // namespace tempera::diffusion
