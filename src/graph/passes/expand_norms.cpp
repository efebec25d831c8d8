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
  ValueId reshape(ValueId x, const Shape& shape) {
    return ops(Op::reshape, {x}, {{"shape", shape}})[0];
  }
  ValueId input(size_t i) const { return rewriter.now(node.inputs.at(i)); }
  const Shape& shape(size_t i) const { return rewriter.from.value(node.inputs.at(i)).shape; }
  void finish(ValueId result) {
    rewriter.to.set_layout(result, rewriter.from.value(node.outputs[0]).layout);
    rewriter.replace(node.outputs[0], result);
  }
};

void expand_group_norm(Expansion e) {
  const Shape& x = e.shape(0);
  int64_t groups = int_attribute(e.node, "groups"), n = x[0], c = x[1];
  Shape grouped{n, groups, c / groups}, channels{groups, c / groups}, per_channel{n, c};
  std::vector<int64_t> axes{2};
  for (size_t d = 2; d < x.size(); ++d) {
    grouped.push_back(x[d]);
    channels.push_back(1);
    per_channel.push_back(1);
    axes.push_back(static_cast<int64_t>(d) + 1);
  }
  auto moments = e.ops(Op::moments, {e.reshape(e.input(0), grouped)},
                       {{"axes", axes}, {"epsilon", double_attribute(e.node, "epsilon")}});
  ValueId scale = e.op(Op::mul, moments[1], e.reshape(e.input(1), channels));
  ValueId shift = e.op(Op::sub, e.reshape(e.input(2), channels), e.op(Op::mul, moments[0], scale));
  ValueId scaled = e.op(Op::mul, e.input(0), e.reshape(scale, per_channel));
  e.finish(e.op(Op::add, scaled, e.reshape(shift, per_channel)));
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
