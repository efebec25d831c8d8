#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// A still WebP, lossy or lossless, turned upright; text: see exif.h. data_loss for what is no valid
// or no whole WebP, unsupported for an animation, resource_exhausted for more than kMaxPixels.
Result<Picture> decode_webp(std::string_view bytes, std::string_view where);

// Quality 1 to 99, or 100 for lossless. Equal arguments give equal bytes. resource_exhausted for
// sides over 16383.
Result<std::string> encode_webp(const Image& image, const PictureText& text, int quality);

}  // namespace tempera::diffusion
