#pragma once

#include <optional>

#include "graph/graph.h"

namespace tempera::graph {

// Gives every value its order in memory. Convolutions of two or more spatial dimensions write
// channels-last; element-wise nodes follow the first operand of their own shape that is not
// row-major; concat, pad, slice, upsample and norms follow their input; a transpose or reshape is
// the same memory as its input where it can be. All else, and graph inputs and outputs, is
// row-major; an output whose value is read inside too gets a copy (an identity reshape).
Graph choose_layout(const Graph& graph);

// The layout under which the output of this reshape or transpose is the same memory as its input;
// nullopt if none.
std::optional<Layout> same_memory_layout(const Graph& graph, const Node& view);

}  // namespace tempera::graph
