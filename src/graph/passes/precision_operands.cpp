#include <algorithm>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "graph/passes/precision.h"
#include "graph/passes/rewrite.h"
#include "graph/passes/simplify.h"

namespace tempera::graph {

bool is_large(const Value& value) { return value.shape.size() > 2 && value.shape.back() > 1; }

namespace {

bool is_narrow(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

class Narrower {
 public:
  Narrower(Rewriter& rewriter, const Node& node, const Precision& precision)
      : to_(rewriter.to), rewriter_(rewriter), node_(node), precision_(precision) {}

  void contraction() {
    auto inputs = rewriter_.now(node_.inputs);
    Attributes attributes = node_.attributes;
    if (is_large(to_.value(inputs[0]))) {
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
    ValueId narrow = node_.op == Op::matmul ? quantized_matrix(b) : quantize(b, input_axis());
    return cast(narrow == kAbsent ? b : narrow, precision_.arithmetic);
  }

  int64_t input_axis() const { return node_.op == Op::conv ? 1 : 0; }

  ValueId quantize(ValueId b, int64_t axis) { return quantized(to_, b, axis, node_.origin); }

  // A linear layer's [out, in] is rounded as it is stored, seen through its transpose.
  ValueId quantized_matrix(ValueId b) {
    if (to_.value(b).shape.size() != 2) return kAbsent;
    NodeId producer = to_.value(b).producer;
    if (producer < 0 || to_.node(producer).op != Op::transpose) return quantize(b, 0);
    const Attributes view = to_.node(producer).attributes;
    ValueId product = quantize(to_.node(producer).inputs[0], 1);
    if (product == kAbsent) return kAbsent;
    const std::vector<ValueId> factors = to_.node(to_.value(product).producer).inputs;
    return add(Op::mul,
               {add(Op::transpose, {factors[0]}, view), add(Op::transpose, {factors[1]}, view)});
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
  if (precision == Precision{}) return graph;
  return simplify(rewrite(graph, [&](Rewriter& rewriter, const Node& node) {
    Narrower narrower(rewriter, node, precision);
    OpClass op_class = row(node.op).op_class;
    bool is_f32 = !node.inputs.empty() && rewriter.from.value(node.inputs[0]).dtype == DType::f32;
    if (op_class == OpClass::contraction && is_f32)
      narrower.contraction();
    else if (op_class == OpClass::attention && is_f32 && precision.arithmetic != DType::f32)
      narrower.attention();
    else
      return false;
    return true;
  }));
}

ValueId quantized(Graph& graph, ValueId weight, int64_t axis,
                  const std::vector<std::string>& origin) {
  const Shape shape = graph.value(weight).shape;
  if (shape.at(axis) % kScaledChannels != 0 || element_count(shape) < kLeastQuantized)
    return kAbsent;
  auto add = [&](Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
    return graph.add(op, std::move(inputs), attributes, origin)[0];
  };
  auto number = [&](float x) { return graph.add_literal(Tensor::of<float>(DType::f32, {}, {x})); };
  Shape blocks = shape;
  blocks[axis] /= kScaledChannels;
  blocks.insert(blocks.begin() + axis + 1, kScaledChannels);
  Shape scales = blocks, one_each = blocks;
  scales.erase(scales.begin() + axis + 1);
  one_each[axis + 1] = 1;

  ValueId wide = add(Op::cast, {weight}, {{"to", DType::f32}});
  ValueId largest =
      add(Op::reduce_max, {add(Op::abs, {add(Op::reshape, {wide}, {{"shape", blocks}})})},
          {{"axes", std::vector<int64_t>{axis + 1}}, {"keepdims", int64_t{0}}});
  ValueId scale = add(Op::mul, {largest, number(1.0F / 127)});
  ValueId spread = add(Op::broadcast_to, {add(Op::reshape, {scale}, {{"shape", one_each}})},
                       {{"shape", blocks}});
  spread = add(Op::reshape, {spread}, {{"shape", shape}});
  ValueId steps = add(Op::round, {add(Op::div, {wide, spread})});
  ValueId whole = add(Op::cast, {steps}, {{"to", DType::i8}});
  return add(Op::mul, {add(Op::cast, {whole}, {{"to", DType::f32}}), spread});
}

}  // namespace tempera::graph
