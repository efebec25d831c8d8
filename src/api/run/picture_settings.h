#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "diffusion/request.h"

namespace tempera::api {

// What a picture file says of itself: {"kind": "picture", "path", "format", "width", "height",
// "has_alpha", "text": {KEYWORD: TEXT}}, and where its text holds settings in AUTOMATIC1111's form
// "prompt", "negative" and "fields", and "tempera", our own record, where it holds one.
Result<Json> describe_picture(const std::string& path);

// Whether a file begins as a picture that can be read does; false where there is none.
bool is_picture(const std::string& path);

// Settings as flags of `generate` without their dashes, and PROMPT.
using Flags = std::vector<std::pair<std::string, Json>>;

// The settings of one picture of a request that the request itself knows, each as its flag.
Flags flags_of(const diffusion::PictureRequest& request, size_t index);

// The JSON that stands in the text `tempera` of our pictures: {"version", "model", "settings":
// {FLAG: value}}; a value is text, a number, or a list where a flag may be given several times.
inline constexpr const char* kRecordKeyword = "tempera";
std::string record_text(const std::string& model, const Flags& flags);

// What it takes to make a picture again.
struct PictureSettings {
  bool is_ours = false;  // by our own record: all of them
  std::string model;     // its name; may be empty
  Flags flags;
  std::vector<std::string> left_out;  // fields of other programs that change the picture
};
// From our own record where the file has one, else from AUTOMATIC1111's text, which chooses
// `compat` a1111. not_found for a picture without either.
Result<PictureSettings> settings_of_picture(const std::string& path);

}  // namespace tempera::api
