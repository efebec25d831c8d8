#pragma once

#include "graph/passes/fuse.h"

namespace tempera::lower {

// What computing a group takes at least.
struct Work {
  double flops = 0;  // of its contraction or attention, 2 a multiply-add; 0 for other groups
  double bytes = 0;  // inputs and outputs once
};
Work work_of(const graph::Group& group);

}  // namespace tempera::lower
