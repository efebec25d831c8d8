#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace tempera::api {

// What a prompt in AUTOMATIC1111's grammar means over so many steps, as `tempera prompt --json`
// prints it. `folder`: as of tokenize(). invalid_argument: fewer than 1 step.
Result<Json> describe_prompt(const std::string& folder, std::string_view text, int64_t steps);

}  // namespace tempera::api
