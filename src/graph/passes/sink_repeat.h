#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// Computes rows that are known to be equal once. A broadcast_to that expands a dimension makes its
// rows repeat; every op that treats rows alike passes that on, reading its operands before they
// repeat, until an operand that truly differs by row meets it. There the repetition is written
// again, as views (broadcast_to between reshapes).
Graph sink_repeat(const Graph& graph);

}  // namespace tempera::graph
