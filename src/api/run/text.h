#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::api {

// The text's ids, with begin and end, neither cut nor padded. `folder` is a tokenizer's, or a
// model's or an artifact's with a folder `tokenizer` in it.
Result<std::vector<int32_t>> tokenize(const std::string& folder, std::string_view text);
// Cut and padded to the length that the tokenizer's configuration names.
Result<std::vector<int32_t>> tokenize_padded(const std::string& folder, std::string_view text);

}  // namespace tempera::api
