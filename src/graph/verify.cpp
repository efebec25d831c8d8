#include "graph/verify.h"

#include <algorithm>
#include <set>

#include "graph/infer.h"

namespace tempera::graph {

namespace {

template <typename... Args>
Error fault(fmt::format_string<Args...> format, Args&&... args) {
  return error(ErrorCode::internal, format, std::forward<Args>(args)...);
}

Status check_names(const Graph& graph) {
  std::set<std::string> inputs, outputs;
  for (ValueId id : graph.inputs()) {
    const std::string& name = graph.value(id).name;
    if (!name.empty() && !inputs.insert(name).second)
      return fault("two graph inputs are named '{}'", name);
  }
  for (const NamedValue& output : graph.outputs())
    if (!output.name.empty() && !outputs.insert(output.name).second)
      return fault("two graph outputs are named '{}'", output.name);
  return {};
}

Status check_layout(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  std::vector<int> order = value.layout.order;
  if (order.empty()) return {};
  std::sort(order.begin(), order.end());
  bool permutes = order.size() == value.shape.size();
  for (size_t d = 0; permutes && d < order.size(); ++d) permutes = order[d] == static_cast<int>(d);
  if (!permutes)
    return fault("%{}'s layout does not permute the dimensions of {}", id, to_string(value.shape));
  return {};
}

Status check_literal(const Graph& graph, const Node& node) {
  const Value& value = graph.value(node.outputs.at(0));
  if (!node.literal) return fault("%{} is a literal without elements", node.outputs[0]);
  bool fits = node.literal->dtype == value.dtype && node.literal->shape == value.shape &&
              value.rate == Rate::constant;
  if (!fits) return fault("%{} is not what its literal holds", node.outputs[0]);
  return {};
}

Status check_types(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::vector<const Value*> inputs;
  inputs.reserve(node.inputs.size());
  for (ValueId input : node.inputs)
    inputs.push_back(input == kAbsent ? nullptr : &graph.value(input));
  auto inferred = infer(node.op, node.attributes, inputs);
  if (!inferred.ok()) return fault("node {}: {}", id, inferred.error().message);
  if (inferred->size() != node.outputs.size())
    return fault("node {}: {} has {} outputs, not {}", id, name(node.op), inferred->size(),
                 node.outputs.size());
  for (size_t i = 0; i < inferred->size(); ++i) {
    const Value &want = (*inferred)[i], &is = graph.value(node.outputs[i]);
    if (want.dtype != is.dtype || want.shape != is.shape || want.rate != is.rate)
      return fault("node {}: {} makes {}{} @{}, its value says {}{} @{}", id, name(node.op),
                   name(want.dtype), to_string(want.shape), name(want.rate), name(is.dtype),
                   to_string(is.shape), name(is.rate));
  }
  return {};
}

Status check_node(const Graph& graph, NodeId id, std::vector<bool>& written) {
  const Node& node = graph.node(id);
  for (ValueId input : node.inputs)
    if (input != kAbsent && (input < 0 || input >= std::ssize(written) || !written[input]))
      return fault("node {}: {} reads %{} before it is written", id, name(node.op), input);
  for (ValueId output : node.outputs) {
    if (output < 0 || output >= std::ssize(written) || graph.value(output).producer != id)
      return fault("node {}: {} writes %{}, which names another producer", id, name(node.op),
                   output);
    if (written[output]) return fault("%{} is written twice", output);
    written[output] = true;
  }
  return node.op == Op::literal ? check_literal(graph, node) : check_types(graph, id);
}

}  // namespace

Status verify(const Graph& graph) {
  TRY(check_names(graph));
  std::vector<bool> written(graph.values().size());
  for (ValueId id : graph.inputs()) {
    if (graph.value(id).producer != -1) return fault("the input %{} has a producer", id);
    written.at(id) = true;
  }
  for (NodeId id = 0; id < std::ssize(graph.nodes()); ++id) TRY(check_node(graph, id, written));
  for (ValueId id = 0; id < std::ssize(graph.values()); ++id) {
    if (!written[id]) return fault("%{} is never written", id);
    TRY(check_layout(graph, id));
  }
  for (const NamedValue& output : graph.outputs())
    if (output.value < 0 || output.value >= std::ssize(written))
      return fault("the output '{}' is %{}, which does not exist", output.name, output.value);
  return {};
}

}  // namespace tempera::graph
