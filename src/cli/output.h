#pragma once

#include <string>

#include "base/json.h"

namespace tempera::cli {

// Results, to standard output.
void print(const std::string& text);  // a line
void print(const Json& json);         // indented, then a line break

// 3.4 GB, 12.0 MB: decimal units.
std::string bytes_text(int64_t bytes);

}  // namespace tempera::cli
