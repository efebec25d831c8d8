#include "graph/passes/quantize.h"

namespace tempera::graph {

namespace {

struct Builder {
  Graph& graph;
  const std::vector<std::string>& origin;

  ValueId add(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) const {
    return graph.add(op, std::move(inputs), attributes, origin)[0];
  }
  ValueId reshape(ValueId x, const Shape& shape) const {
    return add(Op::reshape, {x}, {{"shape", shape}});
  }
  ValueId cast(ValueId x, DType to) const { return add(Op::cast, {x}, {{"to", to}}); }
};

// `shape` with the axis as two: blocks, and places in a block.
Shape in_blocks(Shape shape, int64_t axis) {
  shape[axis] /= kScaledChannels;
  shape.insert(shape.begin() + axis + 1, kScaledChannels);
  return shape;
}

// The scales, each repeated over its block.
ValueId spread(const Builder& b, ValueId scales, const Shape& shape, int64_t axis) {
  const Shape blocks = in_blocks(shape, axis);
  Shape one_each = blocks;
  one_each[axis + 1] = 1;
  ValueId repeated = b.add(Op::broadcast_to, {b.reshape(scales, one_each)}, {{"shape", blocks}});
  return b.reshape(repeated, shape);
}

}  // namespace

Quantized quantized(Graph& graph, ValueId weight, int64_t axis,
                    const std::vector<std::string>& origin) {
  const Builder b{graph, origin};
  const Shape shape = graph.value(weight).shape;
  CHECK(shape.at(axis) % kScaledChannels == 0, "blocks along axis {} of {}", axis,
        to_string(shape));
  ValueId wide = b.cast(weight, DType::f32);
  ValueId sizes = b.add(Op::abs, {b.reshape(wide, in_blocks(shape, axis))});
  ValueId largest = b.add(Op::reduce_max, {sizes},
                          {{"axes", std::vector<int64_t>{axis + 1}}, {"keepdims", int64_t{0}}});
  ValueId step = graph.add_literal(Tensor::of<float>(DType::f32, {}, {1.0F / 127}));
  ValueId scales = b.add(Op::mul, {largest, step});
  ValueId whole = b.add(Op::round, {b.add(Op::div, {wide, spread(b, scales, shape, axis)})});
  return {b.cast(whole, DType::i8), scales};
}

ValueId dequantized(Graph& graph, const Quantized& weight, int64_t axis,
                    const std::vector<std::string>& origin) {
  const Builder b{graph, origin};
  const Shape shape = graph.value(weight.values).shape;
  return b.add(Op::mul, {b.cast(weight.values, DType::f32), spread(b, weight.scales, shape, axis)});
}

}  // namespace tempera::graph
