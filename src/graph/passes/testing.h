#pragma once

#include <map>

#include "graph/passes/fuse.h"
#include "graph/testing.h"

namespace tempera::graph::testing {

// Runs groups one after another, as a plan would; the outputs of the whole graph, in f64.
inline std::vector<Tensor> evaluate_groups(const Graph& graph, const std::vector<Group>& groups,
                                           const std::vector<Tensor>& inputs) {
  std::map<ValueId, Tensor> values;
  for (size_t i = 0; i < inputs.size(); ++i) values[graph.inputs()[i]] = inputs[i];
  for (const Node& node : graph.nodes())
    if (node.literal) values[node.outputs[0]] = *node.literal;
  for (const Group& group : groups) {
    std::vector<Tensor> arguments;
    for (ValueId id : group.inputs) arguments.push_back(values.at(id));
    auto results = evaluate(group.body, arguments, {.f64 = true});
    for (size_t i = 0; i < results.size(); ++i) values[group.outputs[i]] = std::move(results[i]);
  }
  std::vector<Tensor> outputs;
  for (const NamedValue& output : graph.outputs()) outputs.push_back(values.at(output.value));
  return outputs;
}

}  // namespace tempera::graph::testing
