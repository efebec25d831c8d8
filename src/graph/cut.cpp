#include "graph/cut.h"

#include <algorithm>

namespace tempera::graph {
namespace {

// The name under which each value is given from outside; null: it is computed.
std::vector<const std::string*> given_names(const Graph& graph, const NamedValue& output,
                                            std::span<const NamedValue> boundary) {
  std::vector<const std::string*> names(graph.values().size(), nullptr);
  for (const NamedValue& at : boundary)
    if (names[at.value] == nullptr && graph.value(at.value).rate > Rate::load)
      names[at.value] = &at.name;
  names[output.value] = nullptr;
  for (const ValueId input : graph.inputs()) names[input] = &graph.value(input).name;
  return names;
}

// Whether each value is read, from the output backwards to what is given.
std::vector<bool> needed_values(const Graph& graph, ValueId output,
                                const std::vector<const std::string*>& given) {
  std::vector<bool> needed(graph.values().size(), false);
  needed[output] = true;
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    const auto is_computed = [&](ValueId id) { return needed[id] && given[id] == nullptr; };
    if (std::ranges::none_of(node->outputs, is_computed)) continue;
    for (const ValueId input : node->inputs)
      if (input != kAbsent) needed[input] = true;
  }
  return needed;
}

}  // namespace

Graph cut(const Graph& graph, const NamedValue& output, std::span<const NamedValue> boundary) {
  const std::vector<const std::string*> given = given_names(graph, output, boundary);
  const std::vector<bool> needed = needed_values(graph, output.value, given);
  Graph result;
  std::vector<ValueId> now(graph.values().size(), kAbsent);
  for (ValueId id = 0; id < std::ssize(now); ++id) {
    const Value& value = graph.value(id);
    if (needed[id] && given[id] != nullptr)
      now[id] = result.add_input(*given[id], value.dtype, value.shape, value.rate, value.layout);
  }
  for (const Node& node : graph.nodes()) {
    const auto is_missing = [&](ValueId id) { return needed[id] && now[id] == kAbsent; };
    if (std::ranges::none_of(node.outputs, is_missing)) continue;
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(id == kAbsent ? kAbsent : now[id]);
    const std::vector<ValueId> outputs =
        node.literal ? std::vector<ValueId>{result.add_literal(*node.literal)}
                     : result.add(node.op, std::move(inputs), node.attributes, node.origin);
    for (size_t i = 0; i < outputs.size(); ++i) {
      result.set_layout(outputs[i], graph.value(node.outputs[i]).layout);
      if (now[node.outputs[i]] == kAbsent) now[node.outputs[i]] = outputs[i];
    }
  }
  result.add_output(output.name, now[output.value]);
  return result;
}

}  // namespace tempera::graph
