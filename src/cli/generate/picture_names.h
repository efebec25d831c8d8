#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace tempera::cli {

struct PictureNumbers {
  uint64_t seed;
  int64_t index;  // in the batch, from 0
  int64_t width, height;
};

inline constexpr const char* kDefaultPattern = "tempera-{seed}.png";
inline constexpr const char* kIndexPattern = "tempera-{index}.png";

// File names from a pattern with {seed}, {index}, {width} and {height}. A folder gets the pattern
// `otherwise` inside it; an empty pattern is `otherwise`, in the current folder. Where two pictures
// would have one name, "-INDEX" goes before the extension. Errors, before anything is computed: an
// unknown field, a folder that is not there, the extension of a format that is not written.
Result<std::vector<std::string>> picture_names(const std::string& pattern,
                                               const std::vector<PictureNumbers>& pictures,
                                               const std::string& otherwise = kDefaultPattern);

// "cat.png" with "-grid" is "cat-grid.png".
std::string with_suffix(const std::string& name, const std::string& suffix);

}  // namespace tempera::cli
