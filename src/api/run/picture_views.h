#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::api {

// The rows of a sheet of so many pictures hold so many of them, as in A1111's grids: about as many
// as there are rows.
int64_t sheet_columns(size_t pictures);

// Pictures of a batch as one, each brought to a size before.
Status write_preview(const std::string& path, std::span<const diffusion::Image> pictures,
                     int64_t width, int64_t height);

// Text that draws the picture in a terminal with 24-bit colours, at most so many characters.
std::string terminal_text(const diffusion::Image& image, int64_t columns, int64_t lines);

}  // namespace tempera::api
