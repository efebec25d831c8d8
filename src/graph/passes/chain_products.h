#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// A product of a product's result, which nothing else reads, becomes one product by the product of
// the weights: A (B g + b) is (A B) g + A b. If something was added to the inner result before,
// both are multiplied side by side: A (h + B g + b) is [A, A B] [h; g] + A b, where the concat is
// one of channels, h first. Views may lie between the sum and the outer product. Products are
// matmuls by a weight and 1x1 convolutions. Only where neither a step's operations nor the weights
// grow, as with the projections that end a transformer; A B is computed when weights are loaded.
Graph chain_products(const Graph& graph);

}  // namespace tempera::graph
