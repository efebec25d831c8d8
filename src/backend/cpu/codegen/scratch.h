#pragma once

#include <cstdint>
#include <unordered_map>

#include "kernel/kernel.h"

namespace tempera::cpu {

// Byte offsets of a kernel's workgroup buffers in the worker's scratch memory, multiples of 64.
// Buffers that do not live at the same time share their place.
struct ScratchLayout {
  std::unordered_map<const kernel::BufferNode*, int64_t> offsets;
  int64_t bytes = 0;
};
ScratchLayout layout_scratch(const kernel::Kernel& kernel);

}  // namespace tempera::cpu
