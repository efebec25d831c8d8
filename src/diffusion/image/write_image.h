#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

enum class ImageFormat { png, jpeg, webp };
// By a name's extension in any case: .png, .jpg or .jpeg, .webp; PNG without any. None for another.
std::optional<ImageFormat> image_format(const std::string& path);

// Quality as in encode_jpeg and encode_webp; a PNG has none. JPEG and WebP keep of the text
// "parameters" and "tempera".
Result<std::string> encode_image(ImageFormat format, const Image& image, const PictureText& text,
                                 int quality);

// In the format of the name, PNG where it tells none; the file appears only when it is complete.
Status write_image(const std::string& path, const Image& image, const PictureText& text = {},
                   int quality = 95);

}  // namespace tempera::diffusion
