#include "graph/passes/fuse.h"

#include "graph/passes/grouping.h"
#include "graph/text.h"

namespace tempera::graph {

FuseRules default_fuse_rules() {
  return {[](Op op, int input) {
    bool weight = row(op).op_class == OpClass::contraction && input == 1;
    if (weight || op == Op::concat || op == Op::pad) return Takes::staged;
    return op == Op::gather ? Takes::elementwise : Takes::views;
  }};
}

std::vector<Group> fuse(const Graph& graph, const FuseRules& rules) {
  return build_groups(graph, find_groups(graph, rules));
}

std::string workload_key(const Group& group) {
  return print(group.body, {.origins = false, .names = false});
}

namespace {

std::string values_text(const std::vector<ValueId>& ids) {
  std::string text;
  for (ValueId id : ids) text += fmt::format(" %{}", id);
  return text;
}

std::string label(const Group& group) {
  if (group.anchor >= 0) return std::string(name(group.body.node(group.anchor).op));
  NodeId last = group.body.value(group.body.outputs().back().value).producer;
  return row(group.body.node(last).op).op_class == OpClass::elementwise ? "pointwise" : "movement";
}

}  // namespace

std::string print_groups(const Graph& graph, const std::vector<Group>& groups) {
  std::string text;
  for (size_t i = 0; i < groups.size(); ++i) {
    const Group& group = groups[i];
    text += fmt::format("// group {}: {} @{}, reads{}, writes{}\n", i, label(group),
                        name(group.rate), values_text(group.inputs), values_text(group.outputs));
    text += print(group.body, PrintOptions{.literal_limit = 16});
  }
  for (const NamedValue& output : graph.outputs())
    text += fmt::format("// output {} is %{}\n", output.name, output.value);
  return text;
}

}  // namespace tempera::graph
