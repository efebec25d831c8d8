#pragma once

#include <functional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

// The walk of all passes that rebuild a graph: `to` starts with the inputs of `from`; nodes are
// visited in order and either copied or replaced; outputs, names, layouts and origins are kept.
class Rewriter {
 public:
  explicit Rewriter(const Graph& from);

  const Graph& from;
  Graph to;

  // The new value that stands for an old one (kAbsent for kAbsent).
  ValueId now(ValueId old) const;
  std::vector<ValueId> now(const std::vector<ValueId>& old) const;
  void replace(ValueId old, ValueId now) { now_.at(old) = now; }
  // Copies a node as it is, with its outputs' layouts.
  void copy(const Node& node);
  // Adds the outputs of `from` and gives the new graph away.
  Graph finish();

 private:
  std::vector<ValueId> now_;
};

// Visits all nodes: `replaced` either maps all outputs of the node (with replace()) and returns
// true, or returns false and the node is copied.
Graph rewrite(const Graph& graph, const std::function<bool(Rewriter&, const Node&)>& replaced);

}  // namespace tempera::graph
