#pragma once

#include <vector>

#include "base/target.h"
#include "graph/passes/fuse.h"

namespace tempera::lower {

// How a group without an anchor is walked: its elements as rows of `inner` dimensions, which are
// read and written in vectors, for each place in the `outer` ones. If reading is contiguous along
// another dimension than writing, `tile` is that one, and several of its places are done for each
// vector, so that the cache lines of both sides are used up.
struct Walk {
  std::vector<int> outer;  // from the slowest to the fastest; without `tile`
  std::vector<int> inner;  // adjacent in memory, the last is the fastest
  int tile = -1;
  int lanes = 1;
};

// The walk with the fewest memory accesses an element.
Walk choose_walk(const graph::Group& group, const Target& target);

// A group with only one of the outputs; inputs and value ids stay as they are.
graph::Group single_output(const graph::Group& group, int output);

// True if all outputs have one shape.
bool has_one_shape(const graph::Group& group);

}  // namespace tempera::lower
