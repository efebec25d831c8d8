#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera::diffusion {

// How CLIP's tokenizer prepares text, after transformers' CLIPTokenizer.

// Well-formed text to NFC, each run of white space to one space, then lower case character by
// character. Control characters stay.
std::string normalize_clip_text(std::string_view text);

// The words of normalised text: English contractions, runs of letters, single digits, runs
// of everything else; spaces only separate.
std::vector<std::string> split_clip_words(std::string_view text);

}  // namespace tempera::diffusion
