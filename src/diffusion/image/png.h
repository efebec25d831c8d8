#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// An 8-bit RGB PNG file with a text chunk a pair: tEXt where Latin-1 can hold the text, else iTXt.
// Equal arguments give equal bytes. `resource_exhausted` for a picture over PNG's limits.
Result<std::string> encode_png(const Image& image, const PictureText& text = {});

// encode_png into a file that appears only when it is complete.
Status write_png(const std::string& path, const Image& image, const PictureText& text = {});

// Any PNG as 8-bit RGB: palette and grey are expanded, of 16 bits the high byte is kept, gamma is
// not applied; the text is that of tEXt, zTXt and iTXt chunks. `where` names the bytes in errors.
// `data_loss` for what is no valid PNG, `resource_exhausted` for more than kMaxPixels pixels or 64
// MiB of text.
Result<Picture> decode_png(std::string_view bytes, std::string_view where);
Result<Picture> read_png(const std::string& path);

}  // namespace tempera::diffusion
