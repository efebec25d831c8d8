#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/prompt/tokenizer.h"

namespace tempera::api {

// That of a model's or an artifact's folder, or the folder's own.
Result<diffusion::Tokenizer> open_tokenizer(const std::string& folder);
// The tokens that the model's text encoder takes at once; of a lone tokenizer its own limit.
Result<int64_t> padded_length(const std::string& folder, const diffusion::Tokenizer& tokenizer);

// The text's ids, with begin and end, neither cut nor padded. `folder` is a tokenizer's, or a
// model's or an artifact's with a folder `tokenizer` in it.
Result<std::vector<int32_t>> tokenize(const std::string& folder, std::string_view text);
// Cut and padded to the length that the tokenizer's configuration names.
Result<std::vector<int32_t>> tokenize_padded(const std::string& folder, std::string_view text);

}  // namespace tempera::api
