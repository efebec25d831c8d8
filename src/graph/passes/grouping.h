#pragma once

#include <vector>

#include "graph/passes/fuse.h"

namespace tempera::graph {

// Which nodes form which group: the decision half of fuse(); group_body.cpp makes the groups of it.
struct Grouping {
  struct Plan {
    NodeId anchor = -1;  // -1: none
    std::vector<NodeId>
        members;  // the anchor and its epilogue, or the one node that gives the group its result
  };
  std::vector<Plan> plans;
  std::vector<int> owner;  // of each node: the index of its plan; -1: computed again in every group
                           // that reads it
};
Grouping find_groups(const Graph& graph, const FuseRules& rules);

// The groups of a grouping, in an order in which each runs after those it reads.
std::vector<Group> build_groups(const Graph& graph, const Grouping& grouping);

}  // namespace tempera::graph
