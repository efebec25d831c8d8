#include "graph/passes/fuse.h"

#include <algorithm>

#include "graph/attribute.h"
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

std::optional<int> half_of_columns(const Graph& graph, const Node& node) {
  if (node.op != Op::slice) return std::nullopt;
  const Shape& from = graph.value(node.inputs[0]).shape;
  const Shape& to = graph.value(node.outputs[0]).shape;
  if (from.empty() || to.back() * 2 != from.back() ||
      !std::equal(from.begin(), from.end() - 1, to.begin()))
    return std::nullopt;
  const auto& starts = ints_attribute(node, "starts");
  const auto& axes = ints_attribute(node, "axes");
  const auto& steps = ints_attribute(node, "steps");
  const auto rank = static_cast<int64_t>(from.size());
  for (size_t i = 0; i < starts.size(); ++i) {
    const int64_t axis = axes.empty() ? static_cast<int64_t>(i) : (axes[i] + rank) % rank;
    if (!steps.empty() && steps[i] != 1) return std::nullopt;
    if (axis != rank - 1) continue;
    const int64_t start = starts[i] < 0 ? starts[i] + from.back() : starts[i];
    if (start == 0) return 0;
    if (start == to.back()) return 1;
  }
  return std::nullopt;
}

std::vector<Group> fuse(const Graph& graph, const FuseRules& rules) {
  return build_groups(graph, find_groups(graph, rules));
}

std::string workload_key(const Group& group) {
  std::string key = print(group.body, {.origins = false, .names = false});
  for (const auto& [value, count] : group.parts)
    key += fmt::format("%{} in {} parts\n", value, count);
  return key;
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
