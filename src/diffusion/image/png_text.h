#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "diffusion/image/image.h"

namespace tempera::diffusion {

// One chunk of a PNG file: length, type, data, checksum.
std::string make_png_chunk(std::string_view type, std::string_view data);

// The tEXt or iTXt chunk of a keyword and UTF-8 text. NUL, which PNG text cannot hold, becomes a
// space, and ill-formed parts U+FFFD.
std::string make_text_chunk(std::string_view keyword, std::string_view value);

// The text chunks of a whole PNG file; data_loss where a chunk is cut short or its checksum is
// wrong.
Result<PictureText> read_png_text(std::string_view file, std::string_view where);

// The data of the first chunk of that type; empty where there is none.
std::string_view find_png_chunk(std::string_view file, std::string_view type);

}  // namespace tempera::diffusion
