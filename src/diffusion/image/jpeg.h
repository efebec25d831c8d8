#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// Any JPEG as RGB, turned upright; grey is expanded, CMYK and YCCK (inverted where Adobe's marker
// says who wrote them) become RGB as by multiplying inks, profiles are not applied. Text: see
// exif.h. data_loss for what is no valid or no whole JPEG, resource_exhausted for more than
// kMaxPixels pixels.
Result<Picture> decode_jpeg(std::string_view bytes, std::string_view where);

// Baseline, without sub-sampling of colour; quality 1 to 100. Equal arguments give equal bytes.
Result<std::string> encode_jpeg(const Image& image, const PictureText& text, int quality);

}  // namespace tempera::diffusion
