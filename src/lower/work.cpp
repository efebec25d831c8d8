#include "lower/work.h"

#include "graph/geometry.h"

namespace tempera::lower {

using graph::Graph;
using graph::Node;
using graph::Op;

namespace {

double contraction_flops(const Graph& body, const Node& node) {
  const auto outputs = static_cast<double>(element_count(body.value(node.outputs[0]).shape));
  const Shape& a = body.value(node.inputs[0]).shape;
  if (node.op == Op::matmul) return 2 * outputs * static_cast<double>(a.back());
  const Shape& w = body.value(node.inputs[1]).shape;
  return 2 * outputs * static_cast<double>(element_count(w)) / static_cast<double>(w[0]);
}

double attention_flops(const Graph& body, const Node& node) {
  const Shape& q = body.value(node.inputs[0]).shape;
  const Shape& k = body.value(node.inputs[1]).shape;
  const Shape& v = body.value(node.inputs[2]).shape;
  return 2.0 * static_cast<double>(q[0] * q[1] * k[1]) * static_cast<double>(q[2] + v[2]);
}

double bytes_of(const graph::Value& value) {
  return static_cast<double>(element_count(value.shape) * size_in_bytes(value.dtype));
}

}  // namespace

Work work_of(const graph::Group& group) {
  Work work;
  const Graph& body = group.body;
  if (group.anchor >= 0) {
    const Node& node = body.node(group.anchor);
    if (graph::row(node.op).op_class == graph::OpClass::contraction)
      work.flops = contraction_flops(body, node);
    if (node.op == Op::attention) work.flops = attention_flops(body, node);
  }
  for (const graph::ValueId input : body.inputs()) work.bytes += bytes_of(body.value(input));
  for (const graph::NamedValue& output : body.outputs())
    work.bytes += bytes_of(body.value(output.value));
  return work;
}

}  // namespace tempera::lower
