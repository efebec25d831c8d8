#include "graph/passes/expand_norms.h"

#include "graph/attribute.h"
#include "graph/passes/rewrite.h"

namespace tempera::graph {

namespace {

// Adds nodes that all carry the origin of the node they replace.
struct Expansion {
  Rewriter& rewriter;
  const Node& node;

  std::vector<ValueId> ops(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
    return rewriter.to.add(op, std::move(inputs), attributes, node.origin);
  }
  ValueId op(Op op, ValueId a, ValueId b) { return ops(op, {a, b})[0]; }
  ValueId input(size_t i) const { return rewriter.now(node.inputs.at(i)); }
  const Shape& shape(size_t i) const { return rewriter.from.value(node.inputs.at(i)).shape; }
  void finish(ValueId result) {
    rewriter.to.set_layout(result, rewriter.from.value(node.outputs[0]).layout);
    rewriter.replace(node.outputs[0], result);
  }
};

void expand_group_norm(Expansion e) {
  auto affine = e.ops(Op::group_norm_affine, {e.input(0), e.input(1), e.input(2)},
                      {{"groups", int_attribute(e.node, "groups")},
                       {"epsilon", double_attribute(e.node, "epsilon")}});
  e.finish(e.op(Op::add, e.op(Op::mul, e.input(0), affine[0]), affine[1]));
}

void expand_layer_norm(Expansion e) {
  std::vector<int64_t> last{static_cast<int64_t>(e.shape(0).size()) - 1};
  auto moments = e.ops(Op::moments, {e.input(0)},
                       {{"axes", last}, {"epsilon", double_attribute(e.node, "epsilon")}});
  ValueId normal = e.op(Op::mul, e.op(Op::sub, e.input(0), moments[0]), moments[1]);
  ValueId scaled = e.op(Op::mul, normal, e.input(1));
  bool has_bias = e.node.inputs.size() > 2;
  e.finish(has_bias ? e.op(Op::add, scaled, e.input(2)) : scaled);
}

}  // namespace

Graph expand_norms(const Graph& graph) {
  return rewrite(graph, [](Rewriter& rewriter, const Node& node) {
    if (node.op == Op::group_norm)
      expand_group_norm({rewriter, node});
    else if (node.op == Op::layer_norm)
      expand_layer_norm({rewriter, node});
    else
      return false;
    return true;
  });
}

}  // namespace tempera::graph
