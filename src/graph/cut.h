#pragma once

#include <span>

#include "graph/graph.h"

namespace tempera::graph {

// The part of a graph that computes one value: from the graph's inputs and from the values of
// `boundary`, each of which becomes an input with its name and rate (the first name of a value that
// has several). What weights and literals alone decide is computed, not cut. The output has the
// name of `output`; only inputs that it needs are there, in the order of `graph`.
Graph cut(const Graph& graph, const NamedValue& output, std::span<const NamedValue> boundary);

}  // namespace tempera::graph
