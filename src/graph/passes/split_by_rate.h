#pragma once

#include <array>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

// When each node runs. `nodes[rate]` are in topological order; literals are in none.
// `states` are the values that a node computes at one rate and nodes of a higher rate read: they
// outlive their stage.
struct RateSplit {
  std::array<std::vector<NodeId>, 5> nodes;
  std::vector<ValueId> states;
};
RateSplit split_by_rate(const Graph& graph);

}  // namespace tempera::graph
