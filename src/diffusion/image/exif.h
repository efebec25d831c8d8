#pragma once

#include <string>
#include <string_view>

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// What is read and written of a picture's EXIF (a TIFF structure, Exif 2.32).
struct Exif {
  int orientation = 1;  // 1 to 8
  std::string user_comment;
  std::string maker_note;
};

// Of a TIFF structure, with or without "Exif\0\0" before it. What is malformed is left out.
Exif parse_exif(std::string_view bytes);

// A TIFF structure; the comment is UTF-16 as its kind "UNICODE" says. At most `limit` bytes: what
// does not fit is left out, the maker note first, then the comment's end.
std::string format_exif(const Exif& exif, size_t limit);

// A1111's place for a picture's settings is the comment; our own record is in the maker note,
// behind its name. Keywords: "UserComment" when read, "parameters" when written, and "tempera".
PictureText text_of(const Exif& exif);
Exif exif_of(const PictureText& text);

// The picture as its orientation says that it is seen.
Picture upright(Picture picture, int orientation);

}  // namespace tempera::diffusion
