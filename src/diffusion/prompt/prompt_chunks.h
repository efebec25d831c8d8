#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "diffusion/prompt/attention_grammar.h"
#include "diffusion/prompt/tokenizer.h"

namespace tempera::diffusion {

// What the text encoder sees at once, and by how much each token's hidden state is multiplied.
struct PromptChunk {
  std::vector<int32_t> ids;    // begin, tokens, end, padding: of the encoder's length
  std::vector<float> weights;  // one a token; 1 for begin, end and padding
  int64_t clip_skip = 1;       // of the text encoder that reads it
  size_t mean_group = 0;       // of PromptPlan::mean_groups
  auto operator<=>(const PromptChunk&) const = default;
};

// The text as it stands, cut to `length` tokens.
PromptChunk plain_chunk(std::string_view text, const Tokenizer& tokenizer, int64_t length);

// As many chunks of `length` tokens, at least 3, as the runs take, at least one. A run's tokens are
// those of its text alone. Where a chunk is full and a comma stands among its last 20 tokens, what
// follows the comma moves to the next chunk; a break ends a chunk, and so does an added word whose
// ids have no room, unless no chunk has.
std::vector<PromptChunk> split_chunks(const std::vector<WeightedText>& runs,
                                      const Tokenizer& tokenizer, int64_t length);

}  // namespace tempera::diffusion
