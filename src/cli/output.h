#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace tempera::cli {

// Results, to standard output.
void print(const std::string& text);  // a line
void print(const Json& json);         // indented, then a line break

// A result that cannot be written is found out before it is computed: whether the file's folder is
// there. An empty name is none.
Status check_place(const std::string& file);

// 3.4 GB, 12.0 MB: decimal units.
std::string bytes_text(int64_t bytes);

}  // namespace tempera::cli
