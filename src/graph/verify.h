#pragma once

#include "base/status.h"
#include "graph/graph.h"

namespace tempera::graph {

// Checks what every pass must keep: nodes in topological order, each value written once by the node
// it names, dtypes, shapes and rates as infer() gives them, layouts that permute their dimensions,
// distinct names (where given) of inputs and of outputs, literals that hold what their value says.
// The error (internal) names the node and what is wrong.
Status verify(const Graph& graph);

}  // namespace tempera::graph
