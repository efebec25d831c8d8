#pragma once

#include <string>
#include <vector>

#include "api/run/compile_options.h"
#include "api/run/generate.h"
#include "base/status.h"

namespace tempera::cli {

// A setting as text: flags of `tempera generate` without their dashes, with spaces between them, as
// in "precision=bf16 steps=10".
struct Setting {
  api::CompileOptions compile;
  api::GenerateSettings picture;
};
// invalid_argument: a flag that generate does not have, a value that it does not take, or one that
// is no setting (prompt, seed, batch).
Result<Setting> parse_setting(const std::string& text);

struct GenerateFlags;
// Sets what a cell of a grid sets, flags as in "--steps=10".
Status parse_cell(const std::vector<std::string>& cell, GenerateFlags& flags);

}  // namespace tempera::cli
