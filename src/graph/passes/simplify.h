#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "graph/graph.h"

namespace tempera::graph {

// Algebraic identities (the rows of simplify_rules()), common subexpressions, and nodes nobody
// needs. Results are equal for every input but for the sign of zeros. split becomes slices. Graph
// inputs stay, used or not.
Graph simplify(const Graph& graph);

// Only the last of these: drops nodes that no output needs.
Graph drop_dead(const Graph& graph);

// The graph under construction, as rules see it: what an operand is, and making nodes that are
// simplified themselves.
struct SimplifyContext {
  const Graph& graph;
  std::function<ValueId(Op, std::vector<ValueId>, const Attributes&)> make;
};
// The value that can stand for the only output of a node that is about to be added, or nothing.
struct SimplifyRule {
  std::string_view text;  // "x + 0 -> x"
  Op op;
  std::optional<ValueId> (*apply)(const SimplifyContext&, const Node& node);
};
std::span<const SimplifyRule> simplify_rules();

}  // namespace tempera::graph
