#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

// Some nodes of a graph that become one program: at most one anchor (contraction, attention, reduction, normalisation)
// with the element-wise and movement work around it. `body` is a graph of its own, with canonical input names i0, i1, ...
// and output names o0, o1, ..., so that equal groups print the same text: the workload key.
struct Group {
  Graph body;
  NodeId anchor = -1;  // in body; -1: none
  std::vector<ValueId> inputs, outputs;  // in the whole graph, in the order of body's inputs and outputs
  std::vector<std::string> origin;
  Rate rate = Rate::step;
};

// What an anchor can take on one of its inputs, from least to most.
enum class Takes : uint8_t {
  nothing,
  views,        // reshape, transpose, slice, broadcast_to, upsample_nearest: maps of indices, free
  elementwise,  // also arithmetic that is cheap enough to be done again at every read
  staged,       // also work worth doing once an element, such as exp: the schedule reads each element once or a few times
};

struct FuseRules {
  std::function<Takes(Op anchor, int input)> takes;
};

// Partitions the nodes into groups, in topological order.
std::vector<Group> fuse(const Graph& graph, const FuseRules& rules);

}  // namespace tempera::graph
