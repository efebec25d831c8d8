#include "graph/passes/expand_norms.h"

#include <algorithm>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "graph/made_by.h"
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
  ValueId like(ValueId x, ValueId other) {
    const DType dtype = rewriter.to.value(other).dtype;
    return rewriter.to.value(x).dtype == dtype ? x : ops(Op::cast, {x}, {{"to", dtype}})[0];
  }
  void finish(ValueId result) {
    rewriter.to.set_layout(result, rewriter.from.value(node.outputs[0]).layout);
    rewriter.replace(node.outputs[0], result);
  }
};

// The images that x repeats as a whole, one repetition after another, as sink_repeat writes it: a
// broadcast of a first extent of 1, or one between two reshapes. Or x.
ValueId once(const Graph& graph, ValueId x) {
  const Shape& shape = graph.value(x).shape;
  const auto repeats = [&](const Shape& whole, const Shape& base) {
    return std::equal(whole.begin() + 1, whole.end(), base.begin() + 1, base.end());
  };
  if (const Node* broadcast = made_by(graph, x, Op::broadcast_to)) {
    const Shape& base = graph.value(broadcast->inputs[0]).shape;
    return base.size() == shape.size() && repeats(shape, base) ? broadcast->inputs[0] : x;
  }
  const Node* joined = made_by(graph, x, Op::reshape);
  const Node* broadcast = joined ? made_by(graph, joined->inputs[0], Op::broadcast_to) : nullptr;
  const Node* split = broadcast ? made_by(graph, broadcast->inputs[0], Op::reshape) : nullptr;
  if (!split) return x;
  const Shape& one = graph.value(split->outputs[0]).shape;
  const Shape& all = graph.value(broadcast->outputs[0]).shape;
  const Shape& base = graph.value(split->inputs[0]).shape;
  const bool whole = one.size() == base.size() + 1 && one[0] == 1 &&
                     std::equal(base.begin(), base.end(), one.begin() + 1) && repeats(all, one) &&
                     base.size() == shape.size() && repeats(shape, base);
  return whole ? split->inputs[0] : x;
}

// What channels-wise pieces an image consists of: the operands of concats along the channels, and
// what is repeated, once.
std::vector<ValueId> pieces_of(const Graph& graph, ValueId x) {
  const ValueId base = once(graph, x);
  if (base != x) return pieces_of(graph, base);
  const Node* concat = made_by(graph, x, Op::concat);
  const size_t rank = graph.value(x).shape.size();
  if (concat == nullptr || positive_axis(int_attribute(*concat, "axis"), rank) != 1) return {x};
  std::vector<ValueId> pieces;
  for (ValueId input : concat->inputs)
    for (ValueId piece : pieces_of(graph, input)) pieces.push_back(piece);
  return pieces;
}

void expand_group_norm(Expansion e) {
  std::vector<ValueId> inputs{e.like(e.input(1), e.input(0)), e.like(e.input(2), e.input(0))};
  std::vector<ValueId> pieces = pieces_of(e.rewriter.to, e.input(0));
  const int64_t images = e.shape(0)[0];
  if (std::ranges::none_of(pieces, [&](ValueId piece) {
        const int64_t of_piece = e.rewriter.to.value(piece).shape[0];
        return of_piece == images || of_piece == 1;
      }))
    pieces = {e.input(0)};  // the factors and terms would be of too few images to apply
  for (ValueId piece : pieces) inputs.push_back(e.ops(Op::channel_moments, {piece})[0]);
  auto affine = e.ops(Op::group_norm_affine, inputs,
                      {{"groups", int_attribute(e.node, "groups")},
                       {"epsilon", double_attribute(e.node, "epsilon")},
                       {"rank", static_cast<int64_t>(e.shape(0).size())}});
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
