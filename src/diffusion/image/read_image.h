#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// A PNG, JPEG or WebP, told by its first bytes and not by its name, as 8-bit RGB, turned upright as
// its EXIF says; see png.h, jpeg.h and webp.h. data_loss for what is none of these or damaged,
// unsupported for a picture of another known format, resource_exhausted over kMaxPixels pixels or
// 256 MiB of file.
Result<Picture> decode_image(std::string_view bytes, std::string_view where);
Result<Picture> read_image(const std::string& path);

// What decode_image reads: whether such bytes begin a picture of any known format.
bool is_image(std::string_view first_bytes);

}  // namespace tempera::diffusion
