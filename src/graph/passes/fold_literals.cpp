#include "graph/passes/fold_literals.h"

#include "graph/evaluate.h"
#include "graph/made_by.h"
#include "graph/passes/rewrite.h"

namespace tempera::graph {

namespace {

const Tensor* literal_of(const Graph& graph, ValueId id) {
  const Node* maker = maker_of(graph, id);
  return maker == nullptr ? nullptr : maker->literal.get();
}

bool grows(const Graph& graph, const Node& node) {
  return node.op == Op::broadcast_to && element_count(graph.value(node.outputs[0]).shape) >
                                            element_count(graph.value(node.inputs[0]).shape);
}

// The literals a node reads; empty if it reads anything else, or nothing.
std::vector<const Tensor*> literal_inputs(const Rewriter& rewriter, const Node& node) {
  std::vector<const Tensor*> tensors;
  for (ValueId id : node.inputs) {
    tensors.push_back(literal_of(rewriter.to, rewriter.now(id)));
    if (id != kAbsent && !tensors.back()) return {};
  }
  return tensors;
}

}  // namespace

Graph fold_literals(const Graph& graph, int64_t max_elements) {
  return rewrite(graph, [&](Rewriter& rewriter, const Node& node) {
    auto inputs = literal_inputs(rewriter, node);
    if (inputs.empty() || grows(graph, node)) return false;
    for (ValueId id : node.outputs)
      if (element_count(graph.value(id).shape) > max_elements) return false;
    auto results = evaluate_node(graph, node, inputs);
    for (size_t i = 0; i < results.size(); ++i)
      rewriter.replace(node.outputs[i], rewriter.to.add_literal(std::move(results[i])));
    return true;
  });
}

}  // namespace tempera::graph
