#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diffusion/image/image.h"

namespace tempera::diffusion {

// The settings of a picture, as AUTOMATIC1111 writes them into the PNG's text "parameters".
struct Infotext {
  std::string prompt;
  std::string negative_prompt;
  std::vector<std::pair<std::string, std::string>> fields;  // "Steps" -> "20", in order
};

inline constexpr const char* kInfotextKeyword = "parameters";

// The prompt, a line "Negative prompt: ..." unless it is empty, and a line "Steps: 20, Seed: 1,
// ..." in which a value with a comma, a colon or a line break is a JSON string.
std::string format_infotext(const Infotext& infotext);

// Text of that form, also as other programs write it. The last line is the fields' if it is at
// least three `key: value` parts and nothing else, or starts with the steps; a quoted value is a
// JSON string, and one in braces stays as it stands. Line breaks of any kind become "\n".
Infotext parse_infotext(std::string_view text);

// The value of a field, or null where there is none.
const std::string* find_field(const Infotext& infotext, std::string_view key);

// The text of a picture file that holds its settings: "parameters" or an EXIF "UserComment"; null
// without either.
const std::string* find_infotext(const PictureText& text);

}  // namespace tempera::diffusion
