#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// Replaces nodes that only read literals by literals. Results over `max_elements`, and broadcasts
// that grow, stay nodes.
Graph fold_literals(const Graph& graph, int64_t max_elements);
inline Graph fold_literals(const Graph& graph) { return fold_literals(graph, 1 << 20); }

}  // namespace tempera::graph
