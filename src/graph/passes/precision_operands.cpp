#include <algorithm>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "graph/passes/precision.h"
#include "graph/passes/quantize.h"
#include "graph/passes/rewrite.h"
#include "graph/passes/simplify.h"

namespace tempera::graph {

bool is_large(const Value& value) { return value.shape.size() > 2 && value.shape.back() > 1; }

namespace {

// Fewer elements are not worth the scales and the loss.
constexpr int64_t kLeastQuantized = 1 << 14;

bool is_narrow(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

// Whether the weight of a matmul or 1x1 convolution has more elements than its operand and result
// together: then reading it is what the product waits for. Not of one that is sliced into halves,
// whose register tiles hold few rows, each vector of the weight being widened for each tile.
bool outweighs(const Graph& graph, const std::vector<std::vector<NodeId>>& readers,
               const Node& node) {
  const Shape& weight = graph.value(node.inputs[1]).shape;
  const auto size = [&](ValueId id) { return element_count(graph.value(id).shape); };
  const bool has_taps =
      node.op != Op::matmul &&
      std::any_of(weight.begin() + 2, weight.end(), [](int64_t taps) { return taps != 1; });
  if (has_taps || graph.value(node.inputs[1]).rate > Rate::load ||
      size(node.inputs[1]) <= size(node.inputs[0]) + size(node.outputs[0]))
    return false;
  ValueId result = node.outputs[0];
  if (readers[result].size() == 1 && graph.node(readers[result][0]).op == Op::add)
    result = graph.node(readers[result][0]).outputs[0];
  return std::ranges::none_of(readers[result], [&](NodeId reader) {
    return half_of_columns(graph, graph.node(reader)).has_value();
  });
}

class Narrower {
 public:
  Narrower(Rewriter& rewriter, const Node& node, const Precision& precision)
      : to_(rewriter.to), rewriter_(rewriter), node_(node), precision_(precision) {}

  void contraction() {
    auto inputs = rewriter_.now(node_.inputs);
    Attributes attributes = node_.attributes;
    if (is_large(to_.value(inputs[0])) && precision_ != Precision{}) {
      inputs[0] = cast(inputs[0], precision_.arithmetic);
      inputs[1] = is_weight(inputs[1]) ? weight(inputs[1]) : cast(inputs[1], precision_.arithmetic);
      attributes.set("result", std::string(name(rewriter_.from.value(node_.outputs[0]).dtype)));
    } else if (is_weight(inputs[1])) {
      inputs[1] = as_stored(inputs[1]);
    }
    rewriter_.replace(node_.outputs[0], to_.add(node_.op, inputs, attributes, node_.origin)[0]);
  }

  void attention() {
    auto inputs = rewriter_.now(node_.inputs);
    for (ValueId& id : inputs)
      if (id != kAbsent) id = cast(id, precision_.arithmetic);
    ValueId result = to_.add(node_.op, inputs, node_.attributes, node_.origin)[0];
    rewriter_.replace(node_.outputs[0], cast(result, DType::f32));
  }

 private:
  bool is_weight(ValueId id) const { return to_.value(id).rate <= Rate::load; }

  ValueId add(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
    return to_.add(op, std::move(inputs), attributes, node_.origin)[0];
  }
  ValueId cast(ValueId x, DType dtype) {
    return to_.value(x).dtype == dtype ? x : add(Op::cast, {x}, {{"to", dtype}});
  }

  ValueId weight(ValueId b) {
    if (precision_.weights != DType::i8) return cast(b, precision_.weights);
    return cast(in_steps(b), precision_.arithmetic);
  }

  // The weight rounded to i8 times scales, or itself where that does not pay.
  ValueId in_steps(ValueId b) {
    const Shape shape = to_.value(b).shape;
    if (element_count(shape) < kLeastQuantized) return b;
    // Of a conv [out, in, ...], of a conv_transpose [in, out, ...].
    const int64_t in = node_.op == Op::conv ? 1 : 0;
    if (node_.op != Op::matmul && shape[in] % kScaledChannels == 0)
      return dequantized(to_, quantized(to_, b, in, node_.origin), in, node_.origin);
    if (node_.op == Op::matmul && shape.size() == 2 && shape[0] % kScaledChannels == 0)
      return transposed(matrix_in_steps(rows(b)));
    return b;
  }

  // [out, in] in pieces, as the layers that they come from are stored.
  ValueId matrix_in_steps(const std::vector<ValueId>& pieces) {
    std::vector<ValueId> values, scales;
    for (ValueId piece : pieces) {
      Quantized one = quantized(to_, piece, 1, node_.origin);
      values.push_back(one.values);
      scales.push_back(one.scales);
    }
    bool whole = pieces.size() == 1;
    Quantized all = whole ? Quantized{values[0], scales[0]}
                          : Quantized{add(Op::concat, values), add(Op::concat, scales)};
    return dequantized(to_, all, 1, node_.origin);
  }

  // Matrices that follow each other in the transpose of `b`.
  std::vector<ValueId> rows(ValueId b) {
    NodeId producer = to_.value(b).producer;
    if (producer < 0) return {transposed(b)};
    const Node node = to_.node(producer);
    if (node.op == Op::transpose) return {node.inputs[0]};
    bool side_by_side = node.op == Op::concat && positive_axis(int_attribute(node, "axis"), 2) == 1;
    if (!side_by_side) return {transposed(b)};
    std::vector<ValueId> pieces;
    for (ValueId id : node.inputs)
      for (ValueId piece : rows(id)) pieces.push_back(piece);
    return pieces;
  }

  ValueId transposed(ValueId matrix) {
    return add(Op::transpose, {matrix}, {{"perm", std::vector<int64_t>{1, 0}}});
  }

  // The weight without the widening of its stored elements, or itself where that is not all.
  ValueId as_stored(ValueId b) {
    NodeId producer = to_.value(b).producer;
    if (producer < 0) return b;
    const Node node = to_.node(producer);
    if (node.op == Op::cast) return is_narrow(to_.value(node.inputs[0]).dtype) ? node.inputs[0] : b;
    if (node.op != Op::transpose && node.op != Op::reshape && node.op != Op::concat) return b;
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) inputs.push_back(as_stored(id));
    bool narrow = std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
      return is_narrow(to_.value(id).dtype) && to_.value(id).dtype == to_.value(inputs[0]).dtype;
    });
    return narrow ? add(node.op, std::move(inputs), node.attributes) : b;
  }

  Graph& to_;
  Rewriter& rewriter_;
  const Node& node_;
  const Precision& precision_;
};

}  // namespace

Graph narrow_operands(const Graph& graph, const Precision& precision) {
  const bool narrows = precision != Precision{};
  const auto readers = users(graph);
  return simplify(rewrite(graph, [&](Rewriter& rewriter, const Node& node) {
    Narrower narrower(rewriter, node, precision);
    OpClass op_class = row(node.op).op_class;
    bool is_f32 = !node.inputs.empty() && rewriter.from.value(node.inputs[0]).dtype == DType::f32;
    const auto keeps_weight = [&] {
      return !is_large(rewriter.from.value(node.inputs[0])) ||
             outweighs(rewriter.from, readers, node);
    };
    if (op_class == OpClass::contraction && is_f32 && (narrows || keeps_weight()))
      narrower.contraction();
    else if (op_class == OpClass::attention && is_f32 && precision.arithmetic != DType::f32)
      narrower.attention();
    else
      return false;
    return true;
  }));
}

}  // namespace tempera::graph
