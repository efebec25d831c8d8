#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// Products of one value by several weights, with their biases, become one product by the weights
// side by side, of which each reader takes a slice: queries, keys and values of an attention, or
// all projections of one embedding. Only products that one node reads together, or those of few
// rows; and only where no element-wise work follows that each product would take along by itself.
Graph merge_products(const Graph& graph);

}  // namespace tempera::graph
