#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/status.h"

namespace tempera {

// data_loss when these bytes are the small text that git stores in place of a large file; `where`
// names the file.
Status refuse_lfs_pointer(std::span<const std::byte> file_bytes, std::string_view where);

}  // namespace tempera
