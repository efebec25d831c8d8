#include "graph/passes/simplify.h"

#include <map>

#include "graph/attribute.h"
#include "graph/passes/rewrite.h"
#include "graph/text.h"

namespace tempera::graph {

namespace {

// What makes two nodes compute the same.
std::string node_key(Op op, const std::vector<ValueId>& inputs, const Attributes& attributes) {
  return fmt::format("{} {}{}", name(op), fmt::join(inputs, ","), print(attributes));
}

std::string literal_key(const Tensor& tensor) {
  std::string key = fmt::format("literal {}{} ", name(tensor.dtype), to_string(tensor.shape));
  return key.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
}

// Adds nodes one by one: a rule's replacement, an equal node that is there already, or the node
// itself. Rules see nodes whose operands are already simple, so one walk in topological order is
// enough for most.
class Simplifier {
 public:
  explicit Simplifier(const Graph& graph) : rewriter_(graph) {}

  Graph run() {
    for (const Node& node : rewriter_.from.nodes()) visit(node);
    return rewriter_.finish();
  }

 private:
  void visit(const Node& node) {
    origin_ = &node.origin;
    if (node.literal)
      rewriter_.replace(node.outputs[0], literal(node));
    else if (node.op == Op::split)
      visit_split(node);
    else if (node.outputs.size() == 1)
      rewriter_.replace(node.outputs[0],
                        make(node.op, rewriter_.now(node.inputs), node.attributes));
    else
      replace_all(node, shared(node.op, rewriter_.now(node.inputs), node.attributes));
    for (ValueId old : node.outputs) keep_layout(old);
  }

  void keep_layout(ValueId old) {
    const Layout& layout = rewriter_.from.value(old).layout;
    if (!layout.order.empty()) rewriter_.to.set_layout(rewriter_.now(old), layout);
  }

  void replace_all(const Node& node, const std::vector<ValueId>& now) {
    for (size_t i = 0; i < now.size(); ++i) rewriter_.replace(node.outputs[i], now[i]);
  }

  ValueId literal(const Node& node) {
    auto [at, is_new] = nodes_.try_emplace(literal_key(*node.literal));
    if (is_new) at->second = {rewriter_.to.add_literal(*node.literal)};
    return at->second[0];
  }

  void visit_split(const Node& node) {
    using List = std::vector<int64_t>;
    size_t rank = rewriter_.from.value(node.inputs[0]).shape.size();
    int64_t axis = int_attribute(node, "axis"), start = 0;
    if (axis < 0) axis += static_cast<int64_t>(rank);
    for (ValueId output : node.outputs) {
      int64_t end = start + rewriter_.from.value(output).shape[axis];
      rewriter_.replace(output,
                        make(Op::slice, {rewriter_.now(node.inputs[0])},
                             {{"axes", List{axis}}, {"starts", List{start}}, {"ends", List{end}}}));
      start = end;
    }
  }

  ValueId make(Op op, std::vector<ValueId> inputs, const Attributes& attributes) {
    Node node{.op = op, .attributes = attributes, .inputs = inputs};
    SimplifyContext context{rewriter_.to,
                            [this](Op o, std::vector<ValueId> in, const Attributes& a) {
                              return make(o, std::move(in), a);
                            }};
    for (const SimplifyRule& rule : simplify_rules())
      if (rule.op == op)
        if (auto value = rule.apply(context, node)) return *value;
    return shared(op, std::move(inputs), attributes)[0];
  }

  const std::vector<ValueId>& shared(Op op, std::vector<ValueId> inputs,
                                     const Attributes& attributes) {
    auto [at, is_new] = nodes_.try_emplace(node_key(op, inputs, attributes));
    if (is_new)
      at->second = rewriter_.to.add(op, std::move(inputs), attributes, *origin_);
    else
      rewriter_.to.add_origin(rewriter_.to.value(at->second[0]).producer, *origin_);
    return at->second;
  }

  Rewriter rewriter_;
  std::map<std::string, std::vector<ValueId>> nodes_;
  const std::vector<std::string>* origin_ = nullptr;
};

std::vector<bool> needed_nodes(const Graph& graph) {
  std::vector<bool> needed(graph.nodes().size());
  auto need = [&](ValueId id) {
    if (id != kAbsent && graph.value(id).producer >= 0) needed[graph.value(id).producer] = true;
  };
  for (const NamedValue& output : graph.outputs()) need(output.value);
  for (NodeId n = static_cast<NodeId>(needed.size()) - 1; n >= 0; --n)
    if (needed[n])
      for (ValueId id : graph.node(n).inputs) need(id);
  return needed;
}

}  // namespace

Graph drop_dead(const Graph& graph) {
  auto needed = needed_nodes(graph);
  Rewriter rewriter(graph);
  for (size_t n = 0; n < needed.size(); ++n)
    if (needed[n]) rewriter.copy(graph.nodes()[n]);
  return rewriter.finish();
}

Graph simplify(const Graph& graph) { return drop_dead(Simplifier(graph).run()); }

}  // namespace tempera::graph
