#pragma once

#include "diffusion/prompt/tokenizer.h"

namespace tempera::diffusion {

// What SD pads a text with: SD 1.x with the end, SD 2.x with "!", whose id is 0.
enum class Padding : uint8_t { end, exclamation };

// CLIP's tokenizer with its 49,408 tokens, for models that bring none.
Tokenizer stock_tokenizer(Padding padding);
// The same as files.
TokenizerFiles stock_tokenizer_files(Padding padding);

}  // namespace tempera::diffusion
