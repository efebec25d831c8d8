#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

struct EvaluateOptions {
  // Floats are never rounded to their value's dtype, and float outputs are f64: for error bounds.
  // Float inputs may be given in any float dtype.
  bool f64 = false;
};

// What a graph computes: the definition of every op, written for clarity, fit for small tensors.
// `inputs` are in the order of graph.inputs(), the results in that of graph.outputs(); all are
// logical row-major tensors, whatever the layouts say. Every op computes in f64 and rounds its
// result to the value's dtype; integers wrap.
std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs,
                             const EvaluateOptions& options = {});

// One node's outputs from its inputs (nullptr: not given).
std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node,
                                  std::span<const Tensor* const> inputs);

}  // namespace tempera::graph
