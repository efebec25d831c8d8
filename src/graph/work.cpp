#include "graph/work.h"

#include <numeric>

#include "graph/geometry.h"

namespace tempera::graph {

namespace {

double elements(const Graph& graph, ValueId id) {
  return static_cast<double>(element_count(graph.value(id).shape));
}

double contraction_flops(const Graph& graph, const Node& node) {
  const Shape& a = graph.value(node.inputs[0]).shape;
  if (node.op == Op::matmul)
    return 2 * elements(graph, node.outputs[0]) * static_cast<double>(a.back());
  const Shape& w = graph.value(node.inputs[1]).shape;
  double each = elements(graph, node.inputs[1]) / static_cast<double>(w[0]);
  // Transposed, each element of the input meets each tap of each output channel.
  if (node.op == Op::conv_transpose) return 2 * elements(graph, node.inputs[0]) * each;
  return 2 * elements(graph, node.outputs[0]) * each;
}

double attention_flops(const Graph& graph, const Node& node) {
  const Shape& q = graph.value(node.inputs[0]).shape;
  const Shape& k = graph.value(node.inputs[1]).shape;
  const Shape& v = graph.value(node.inputs[2]).shape;
  return 2.0 * static_cast<double>(q[0] * q[1] * k[1]) * static_cast<double>(q[2] + v[2]);
}

// Operations an element of the first input.
double norm_flops(Op op) {
  switch (op) {
    case Op::group_norm:  // statistics, then scale and shift
    case Op::softmax:     // the largest, difference, exponential, sum, product
      return 5;
    case Op::layer_norm:
      return 7;
    case Op::moments:
    case Op::channel_moments:
      return 3;
    default:
      return 1;
  }
}

WorkKind kind_of(const Node& node) {
  switch (row(node.op).op_class) {
    case OpClass::contraction:
      if (node.op == Op::conv) return WorkKind::conv;
      return node.op == Op::conv_transpose ? WorkKind::conv_transpose : WorkKind::matmul;
    case OpClass::attention:
      return WorkKind::attention;
    case OpClass::reduction:
    case OpClass::normalization:
      return WorkKind::norm;
    default:
      return WorkKind::elementwise;
  }
}

}  // namespace

std::string_view name(WorkKind kind) {
  constexpr std::string_view kNames[kWorkKinds] = {"conv",      "conv_transpose", "matmul",
                                                   "attention", "norm",           "elementwise"};
  return kNames[static_cast<size_t>(kind)];
}

double flops_of(const Graph& graph, const Node& node) {
  switch (row(node.op).op_class) {
    case OpClass::source:
    case OpClass::movement:
      return 0;
    case OpClass::contraction:
      return contraction_flops(graph, node);
    case OpClass::attention:
      return attention_flops(graph, node);
    case OpClass::reduction:
    case OpClass::normalization:
      return norm_flops(node.op) * elements(graph, node.inputs[0]);
    case OpClass::elementwise:
      return elements(graph, node.outputs[0]);
  }
  CHECK(false, "an op of no class");
}

double GraphWork::total() const { return std::accumulate(flops.begin(), flops.end(), 0.0); }

GraphWork work_of(const Graph& graph, Rate least, Rate most) {
  GraphWork work;
  for (const Node& node : graph.nodes()) {
    Rate rate = graph.value(node.outputs[0]).rate;
    if (rate >= least && rate <= most)
      work.flops[static_cast<size_t>(kind_of(node))] += flops_of(graph, node);
  }
  return work;
}

}  // namespace tempera::graph
