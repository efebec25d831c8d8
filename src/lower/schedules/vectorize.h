#pragma once

#include <vector>

#include "graph/passes/fuse.h"
#include "lower/group_access.h"

namespace tempera::lower {

// How the loads of an expression meet memory.
struct LoadCounts {
  int contiguous = 0;  // vectors of neighbours
  int uniform = 0;     // scalars for all lanes
  int scattered = 0;   // gathers
};
LoadCounts count_loads(const kernel::Expr& e);

// What reading `value` of the group's body costs when the given dimension has the lanes.
LoadCounts loads_along(const graph::Group& group, graph::ValueId value, int dimension, int lanes);
// True if reading along the dimension loads at least one contiguous vector and gathers nothing.
bool is_contiguous_along(const graph::Group& group, graph::ValueId value, int dimension, int lanes);
// The dimension that is best read along, or -1 where none is contiguous.
int innermost_dimension(const graph::Group& group, graph::ValueId value, int lanes);

// The dimensions of a layout from the outermost to the innermost.
std::vector<int> memory_order(const graph::Value& value);

}  // namespace tempera::lower
