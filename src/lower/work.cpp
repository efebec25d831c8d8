#include "lower/work.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "graph/attribute.h"
#include "graph/work.h"

namespace tempera::lower {

using graph::Graph;
using graph::Node;
using graph::Op;

namespace {

double bytes_of(const graph::Value& value) {
  return static_cast<double>(element_count(value.shape) * size_in_bytes(value.dtype));
}

// Of one input of the body: what its readers take of it, at most all of it.
double bytes_read(const graph::Group& group, graph::ValueId input) {
  const Graph& body = group.body;
  const auto whole = static_cast<double>(group.bytes_of(input));
  double taken = 0;
  for (const Node& node : body.nodes()) {
    if (std::ranges::find(node.inputs, input) == node.inputs.end()) continue;
    const bool is_part = (node.op == Op::slice || node.op == Op::gather) && node.inputs[0] == input;
    taken += is_part ? std::min(whole, bytes_of(body.value(node.outputs[0]))) : whole;
  }
  return std::min(whole, taken);
}

bool is_norm(Op op) {
  return op == Op::group_norm_affine || op == Op::channel_moments || op == Op::moments ||
         op == Op::softmax;
}

std::string extents(const Shape& shape) { return fmt::format("{}", fmt::join(shape, "x")); }

std::string conv_text(const Graph& body, const Node& node) {
  const Shape& x = body.value(node.inputs[0]).shape;
  const Shape& w = body.value(node.inputs[1]).shape;
  const Shape& y = body.value(node.outputs[0]).shape;
  return fmt::format("{} {} {} -> {}", graph::name(node.op), fmt::join(w.begin() + 2, w.end(), "x"),
                     extents(x), fmt::join(y.begin() + 1, y.end(), "x"));
}

std::string attention_text(const Graph& body, const Node& node) {
  const Shape& q = body.value(node.inputs[0]).shape;
  const Shape& k = body.value(node.inputs[1]).shape;
  const int64_t heads = graph::int_attribute(node, "heads");
  return fmt::format("attention {}x{} queries, {} keys, {} heads of {}", q[0], q[1], k[1], heads,
                     q[2] / heads);
}

}  // namespace

Work work_of(const graph::Group& group) {
  Work work;
  const Graph& body = group.body;
  if (group.anchor >= 0) {
    const Node& node = body.node(group.anchor);
    const graph::OpClass op_class = graph::row(node.op).op_class;
    if (op_class == graph::OpClass::contraction || op_class == graph::OpClass::attention)
      work.flops = graph::flops_of(body, node);
  }
  for (const graph::ValueId input : body.inputs()) work.bytes += bytes_read(group, input);
  for (const graph::NamedValue& output : body.outputs())
    work.bytes += static_cast<double>(group.bytes_of(output.value));
  return work;
}

double bytes_of(const graph::Group& group, const Program& program, const Launch& launch) {
  const Graph& body = group.body;
  double bytes = 0;
  for (const Operand& operand : launch.operands) {
    const auto index = static_cast<size_t>(operand.index);
    switch (operand.kind) {
      case Operand::Kind::input:
        bytes += bytes_read(group, body.inputs()[index]);
        break;
      case Operand::Kind::output:
        bytes += static_cast<double>(group.bytes_of(body.outputs()[index].value));
        break;
      case Operand::Kind::temporary:
        bytes += static_cast<double>(program.temporary_bytes[index]);
        break;
      case Operand::Kind::packed:
        bytes += static_cast<double>(program.packed_bytes[index]);
        break;
    }
  }
  return bytes;
}

std::string_view kind_of(const graph::Group& group) {
  if (group.anchor < 0) {
    const auto is_elementwise = [](const Node& node) {
      return graph::row(node.op).op_class == graph::OpClass::elementwise;
    };
    return std::ranges::any_of(group.body.nodes(), is_elementwise) ? "elementwise" : "movement";
  }
  const Op op = group.body.node(group.anchor).op;
  if (is_norm(op)) return "norm";
  switch (graph::row(op).op_class) {
    case graph::OpClass::contraction:
      return "contraction";
    case graph::OpClass::attention:
      return "attention";
    case graph::OpClass::normalization:
      return "norm";
    case graph::OpClass::reduction:
      return "reduction";
    case graph::OpClass::movement:
      return "movement";
    default:
      return "elementwise";
  }
}

std::string workload_text(const graph::Group& group) {
  const Graph& body = group.body;
  if (group.anchor < 0) {
    const graph::Value& output = body.value(body.outputs().at(0).value);
    const std::string_view op =
        output.producer < 0 ? "copy" : graph::name(body.node(output.producer).op);
    return fmt::format("{} {}", op, extents(output.shape));
  }
  const Node& node = body.node(group.anchor);
  const Shape& x = body.value(node.inputs[0]).shape;
  if (node.op == Op::attention) return attention_text(body, node);
  const bool is_contraction = graph::row(node.op).op_class == graph::OpClass::contraction;
  if (node.op == Op::matmul)
    return fmt::format("matmul {} -> {}", extents(x), body.value(node.outputs[0]).shape.back());
  if (is_contraction) return conv_text(body, node);
  return fmt::format("{} {}", graph::name(node.op), extents(x));
}

DType arithmetic_of(const graph::Group& group, const Target& target) {
  if (group.anchor < 0) return DType::f32;
  const Node& node = group.body.node(group.anchor);
  const DType dtype = group.body.value(node.inputs[0]).dtype;
  if (dtype == DType::bf16 && target.has_bf16_dot) return dtype;
  if (dtype == DType::f16 && target.has_f16_arithmetic) return dtype;
  return DType::f32;
}

std::vector<std::string> origin_of(const graph::Group& group) {
  std::vector<std::string> paths = group.origin;
  if (group.anchor < 0) return paths;
  const std::vector<std::string>& anchors = group.body.node(group.anchor).origin;
  std::stable_partition(paths.begin(), paths.end(), [&](const std::string& path) {
    return std::ranges::find(anchors, path) != anchors.end();
  });
  return paths;
}

}  // namespace tempera::lower
