#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// Keyword (1 to 79 printable ASCII characters) and UTF-8 text.
using PngText = std::vector<std::pair<std::string, std::string>>;

// An 8-bit RGB PNG file with a text chunk a pair: tEXt where Latin-1 can hold the text, else iTXt.
// Equal arguments give equal bytes. `resource_exhausted` for a picture over PNG's limits.
Result<std::string> encode_png(const Image& image, const PngText& text = {});

// encode_png into a file that appears only when it is complete.
Status write_png(const std::string& path, const Image& image, const PngText& text = {});

struct PngPicture {
  Image image;
  PngText text;  // of tEXt, zTXt and iTXt chunks, in the file's order
};

// Any PNG as 8-bit RGB: palette and grey are expanded, alpha is dropped, of 16 bits the high byte
// is kept. `where` names the bytes in errors. `data_loss` for what is no valid PNG,
// `resource_exhausted` for more than 2^28 pixels or 64 MiB of text.
Result<PngPicture> decode_png(std::string_view bytes, std::string_view where);
Result<PngPicture> read_png(const std::string& path);

}  // namespace tempera::diffusion
