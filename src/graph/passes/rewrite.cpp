#include "graph/passes/rewrite.h"

namespace tempera::graph {

Rewriter::Rewriter(const Graph& from) : from(from), now_(from.values().size(), kAbsent) {
  for (ValueId id : from.inputs()) {
    const Value& value = from.value(id);
    now_[id] = to.add_input(value.name, value.dtype, value.shape, value.rate, value.layout);
  }
}

ValueId Rewriter::now(ValueId old) const {
  if (old == kAbsent) return kAbsent;
  CHECK(now_.at(old) != kAbsent, "%{} is read before it is rewritten", old);
  return now_[old];
}

std::vector<ValueId> Rewriter::now(const std::vector<ValueId>& old) const {
  std::vector<ValueId> result;
  for (ValueId id : old) result.push_back(now(id));
  return result;
}

void Rewriter::copy(const Node& node) {
  std::vector<ValueId> outputs;
  if (node.literal) {
    outputs.push_back(to.add_literal(*node.literal));
    to.add_origin(to.value(outputs[0]).producer, node.origin);
  } else {
    outputs = to.add(node.op, now(node.inputs), node.attributes, node.origin);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    to.set_layout(outputs[i], from.value(node.outputs[i]).layout);
    replace(node.outputs[i], outputs[i]);
  }
}

Graph Rewriter::finish() {
  for (const NamedValue& output : from.outputs()) to.add_output(output.name, now(output.value));
  return std::move(to);
}

Graph rewrite(const Graph& graph, const std::function<bool(Rewriter&, const Node&)>& replaced) {
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes())
    if (!replaced(rewriter, node)) rewriter.copy(node);
  return rewriter.finish();
}

}  // namespace tempera::graph
