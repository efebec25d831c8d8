#pragma once

#include <string_view>

namespace tempera {

// What the program brings for models that lack it, named where a file's or folder's path stands.
inline constexpr std::string_view kClipTokenizer = "builtin:clip-tokenizer";
inline constexpr std::string_view kClipTokenizerSd2 =
    "builtin:clip-tokenizer-sd2";  // pads with "!"
inline constexpr std::string_view kSd1Scheduler = "builtin:sd1-scheduler";
inline constexpr std::string_view kSd2Scheduler = "builtin:sd2-scheduler";  // predicts v
// Predicts v from timesteps up to noise alone (https://arxiv.org/abs/2305.08891).
inline constexpr std::string_view kZeroSnrScheduler = "builtin:zero-snr-scheduler";

}  // namespace tempera
