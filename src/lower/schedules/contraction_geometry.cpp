#include "lower/schedules/contraction_geometry.h"

#include "graph/geometry.h"

namespace tempera::lower {

using graph::Graph;
using graph::Node;
using graph::Op;
using graph::Rate;
using kernel::Expr;

namespace {

Shape leading(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

// An index of `dimensions` for a row-major position in them.
Index positions(const Shape& dimensions, const Expr& flat) {
  return reshape_index({element_count(dimensions)}, dimensions, {flat});
}

std::optional<ContractionGeometry> conv_geometry_of(const Graph& body, const Node& node) {
  ContractionGeometry g;
  const Shape& x = body.value(node.inputs[0]).shape;
  const Shape& w = body.value(node.inputs[1]).shape;
  const Shape& out = body.value(node.outputs[0]).shape;
  const size_t spatial = x.size() - 2;
  const graph::ConvGeometry conv = graph::conv_geometry(node.attributes, spatial);
  if (spatial < 1 || spatial > 2 || conv.groups != 1) return std::nullopt;
  g.is_conv = true;
  g.batch = x[0];
  g.channels = x[1];
  g.n = w[0];
  g.in_w = x.back();
  g.cols = out.back();
  g.taps_w = w.back();
  g.stride_w = conv.strides.back();
  g.dilation_w = conv.dilations.back();
  g.pad_w = conv.pads_before.back();
  if (spatial == 2) {
    g.in_h = x[2];
    g.rows = out[2];
    g.taps_h = w[2];
    g.stride_h = conv.strides[0];
    g.dilation_h = conv.dilations[0];
    g.pad_h = conv.pads_before[0];
  }
  g.flat = g.taps() == 1 && g.stride_h * g.stride_w == 1 && g.rows == g.in_h && g.cols == g.in_w &&
           g.pad_h + g.pad_w == 0;
  if (g.flat) {
    g.cols = g.in_w = g.rows * g.cols;
    g.rows = g.in_h = 1;
  }
  return g;
}

std::optional<ContractionGeometry> matmul_geometry(const Graph& body, const Node& node) {
  ContractionGeometry g;
  const Shape& a = body.value(node.inputs[0]).shape;
  const Shape& b = body.value(node.inputs[1]).shape;
  const Shape& out = body.value(node.outputs[0]).shape;
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  g.channels = a.back();
  g.n = b.back();
  const int64_t b_batch = element_count(leading(b));
  const int64_t out_batch = element_count(leading(out));
  g.flat = b_batch == 1 && element_count(leading(a)) == out_batch;
  if (g.flat) {
    g.cols = out_batch * out[out.size() - 2];
  } else {
    if (leading(a) != leading(b)) return std::nullopt;
    g.batch = g.b_batch = out_batch;
    g.cols = out[out.size() - 2];
  }
  g.in_w = g.cols;
  return g;
}

}  // namespace

// Of the input and the output alike: a convolution's [n, channel, spatial...], a matmul's
// [leading..., row, channel].
Index ContractionGeometry::pixel_index(const Shape& shape, const Expr& batch, const Expr& h,
                                       const Expr& w, const Expr& channel) const {
  Index index;
  if (!is_conv) {
    if (flat) {
      index = positions(Shape(shape.begin(), shape.end() - 1), w);
    } else {
      index = positions(leading(shape), batch);
      index.push_back(w);
    }
    index.push_back(channel);
    return index;
  }
  index = {batch, channel};
  if (flat) {
    for (const Expr& e : positions(Shape(shape.begin() + 2, shape.end()), w)) index.push_back(e);
    return index;
  }
  if (shape.size() == 4) index.push_back(h);
  index.push_back(w);
  return index;
}

Index ContractionGeometry::b_index(const Expr& batch, const Expr& tap_h, const Expr& tap_w,
                                   const Expr& channel, const Expr& column) const {
  if (is_conv)
    return a_shape.size() == 4 ? Index{column, channel, tap_h, tap_w}
                               : Index{column, channel, tap_w};
  Index index = positions(leading(b_shape), b_batch == 1 ? Expr(0) : batch);
  index.push_back(channel);
  index.push_back(column);
  return index;
}

std::optional<ContractionGeometry> contraction_geometry(const graph::Group& group) {
  if (group.anchor < 0) return std::nullopt;
  const Graph& body = group.body;
  const Node& node = body.node(group.anchor);
  if (node.op != Op::conv && node.op != Op::matmul) return std::nullopt;
  if (!is_float(body.value(node.inputs[0]).dtype)) return std::nullopt;
  std::optional<ContractionGeometry> g =
      node.op == Op::conv ? conv_geometry_of(body, node) : matmul_geometry(body, node);
  if (!g || element_count(body.value(node.outputs[0]).shape) == 0 || g->channels == 0)
    return std::nullopt;
  g->a = node.inputs[0];
  g->b = node.inputs[1];
  g->bias = node.inputs.size() > 2 ? node.inputs[2] : graph::kAbsent;
  g->a_shape = body.value(g->a).shape;
  g->b_shape = body.value(g->b).shape;
  g->out_shape = body.value(node.outputs[0]).shape;
  g->b_is_weight = body.value(g->b).rate <= Rate::load;
  return g;
}

}  // namespace tempera::lower
