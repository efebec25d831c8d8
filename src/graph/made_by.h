#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// The node that makes `value`, or null: the graph is given it, or it is kAbsent.
inline const Node* maker_of(const Graph& graph, ValueId value) {
  const NodeId producer = value == kAbsent ? -1 : graph.value(value).producer;
  return producer < 0 ? nullptr : &graph.node(producer);
}

// That node if its op is `op`, or null.
inline const Node* made_by(const Graph& graph, ValueId value, Op op) {
  const Node* maker = maker_of(graph, value);
  return maker != nullptr && maker->op == op ? maker : nullptr;
}

}  // namespace tempera::graph
