#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tempera::diffusion {

// How CLIP's tokenizer prepares text, after transformers' CLIPTokenizer.

// Ill-formed parts of UTF-8 text become U+FFFD, one for each maximal subpart (as Python's
// errors="replace").
std::string repair_utf8(std::string_view text);

// Well-formed text to NFC, each run of white space to one space, then lower case character by
// character. Control characters stay.
std::string normalize_clip_text(std::string_view text);

// The words of normalised text: English contractions, runs of letters, single digits, runs
// of everything else; spaces only separate.
std::vector<std::string> split_clip_words(std::string_view text);

std::string to_utf8(std::u32string_view text);

}  // namespace tempera::diffusion
