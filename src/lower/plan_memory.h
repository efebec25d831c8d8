#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tempera::lower {

// A buffer that must exist from launch `first` to launch `last`, both included.
struct Lifetime {
  int64_t bytes = 0;
  int32_t first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // one for each lifetime, multiples of the alignment
  int64_t bytes = 0;             // of the arena
  int64_t live_bytes =
      0;  // the largest sum of buffers (rounded up to the alignment) that live at one launch
};

// Places buffers into one arena so that no two that live at one launch overlap: the best of several
// greedy orders, and of a search from each of them in turn while none comes near the live sum.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, int64_t alignment);

}  // namespace tempera::lower
