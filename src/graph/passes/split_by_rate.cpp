#include "graph/passes/split_by_rate.h"

#include <algorithm>

namespace tempera::graph {

RateSplit split_by_rate(const Graph& graph) {
  RateSplit split;
  std::vector<bool> crosses(graph.values().size());
  for (NodeId id = 0; id < std::ssize(graph.nodes()); ++id) {
    const Node& node = graph.node(id);
    if (node.op == Op::literal) continue;
    Rate rate = graph.value(node.outputs.at(0)).rate;
    split.nodes[static_cast<size_t>(rate)].push_back(id);
    for (ValueId input : node.inputs) {
      if (input == kAbsent || graph.value(input).rate == rate) continue;
      NodeId producer = graph.value(input).producer;
      CHECK(graph.value(input).rate < rate, "{} runs at rate {} and reads %{} of rate {}",
            name(node.op), name(rate), input, name(graph.value(input).rate));
      crosses[input] = producer >= 0 && graph.node(producer).op != Op::literal;
    }
  }
  for (ValueId id = 0; id < std::ssize(crosses); ++id)
    if (crosses[id]) split.states.push_back(id);
  return split;
}

}  // namespace tempera::graph
