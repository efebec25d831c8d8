#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace tempera::cli {

// The prompts of a file, one a line, without the white space around them; empty lines are none.
// "-" is standard input. invalid_argument: no prompt at all.
Result<std::vector<std::string>> read_prompts_file(const std::string& path);

}  // namespace tempera::cli
