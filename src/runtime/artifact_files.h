#pragma once

#include <span>
#include <string_view>

#include "runtime/artifact.h"

namespace tempera::runtime {

// Shared by the artifact's writer and reader.

// artifact.json but for its list of files.
Json to_json(const Artifact& artifact);

// Whether a path stays inside the folder it is relative to: no root, no "..", no odd characters.
bool is_inner_path(std::string_view path);

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tempera::runtime
