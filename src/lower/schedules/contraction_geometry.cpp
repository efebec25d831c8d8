#include "lower/schedules/contraction_geometry.h"

#include "graph/geometry.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/micro_kernel.h"

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

std::optional<ContractionGeometry> conv_transpose_geometry(const Graph& body, const Node& node) {
  ContractionGeometry g;
  const Shape& x = body.value(node.inputs[0]).shape;
  const Shape& w = body.value(node.inputs[1]).shape;
  const Shape& out = body.value(node.outputs[0]).shape;
  const size_t spatial = x.size() - 2;
  const graph::ConvGeometry conv = graph::conv_geometry(node.attributes, spatial);
  if (spatial < 1 || spatial > 2 || conv.groups != 1) return std::nullopt;
  for (size_t d = 0; d < spatial; ++d)
    if (conv.dilations[d] != 1 || w[d + 2] % conv.strides[d] != 0 ||
        out[d + 2] % conv.strides[d] != 0)
      return std::nullopt;
  g.is_transposed = true;
  g.channels = x[1];
  g.n = w[1];
  g.in_w = x.back();
  g.phases_w = conv.strides.back();
  g.cols = out.back() / g.phases_w;
  g.taps_w = w.back() / g.phases_w;
  g.pad_w = g.taps_w - 1;
  g.shift_w = conv.pads_before.back();
  if (spatial == 2) {
    g.in_h = x[2];
    g.phases_h = conv.strides[0];
    g.rows = out[2] / g.phases_h;
    g.taps_h = w[2] / g.phases_h;
    g.pad_h = g.taps_h - 1;
    g.shift_h = conv.pads_before[0];
  }
  g.b_batch = g.phases();
  g.batch = x[0] * g.phases();
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
  if (!is_conv && !is_transposed) {
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

Index ContractionGeometry::out_index(const Expr& batch, const Expr& row, const Expr& col,
                                     const Expr& column) const {
  const Expr h = phases_h == 1 ? row : row * number(phases_h) + phase_h(batch);
  const Expr w = phases_w == 1 ? col : col * number(phases_w) + phase_w(batch);
  return pixel_index(out_shape, image(batch), h, w, column);
}

ContractionGeometry ContractionGeometry::of_one_image() const {
  ContractionGeometry one = *this;
  if (!flat || is_conv) return one;
  one.cols = one.in_w = cols / a_shape[0];
  return one;
}

Expr ContractionGeometry::image(const Expr& batch) const {
  return phases() == 1 ? batch : batch / number(phases());
}
Expr ContractionGeometry::phase_h(const Expr& batch) const {
  return batch / number(phases_w) % number(phases_h);
}
Expr ContractionGeometry::phase_w(const Expr& batch) const { return batch % number(phases_w); }

Expr ContractionGeometry::pad_at_h(const Expr& batch) const {
  if (phases_h == 1) return number(pad_h - shift_h);
  return number(pad_h) - (phase_h(batch) + number(shift_h)) / number(phases_h);
}
Expr ContractionGeometry::pad_at_w(const Expr& batch) const {
  if (phases_w == 1) return number(pad_w - shift_w);
  return number(pad_w) - (phase_w(batch) + number(shift_w)) / number(phases_w);
}

Expr ContractionGeometry::b_entry(const Expr& batch) const {
  if (b_batch == 1) return 0;
  return b_batch == this->batch ? batch : batch % number(b_batch);
}

int ContractionGeometry::b_column_dimension() const {
  if (is_transposed) return 1;
  return is_conv ? 0 : static_cast<int>(b_shape.size()) - 1;
}

Index ContractionGeometry::b_index(const Expr& batch, const Expr& tap_h, const Expr& tap_w,
                                   const Expr& channel, const Expr& column) const {
  if (is_transposed) {
    // Taps of a phase in the order of the places that they read, which is the kernel's backwards.
    const Expr h = (phase_h(batch) + number(shift_h)) % number(phases_h) +
                   number(phases_h) * (number(taps_h - 1) - tap_h);
    const Expr w = (phase_w(batch) + number(shift_w)) % number(phases_w) +
                   number(phases_w) * (number(taps_w - 1) - tap_w);
    return a_shape.size() == 4 ? Index{channel, column, h, w} : Index{channel, column, w};
  }
  if (is_conv)
    return a_shape.size() == 4 ? Index{column, channel, tap_h, tap_w}
                               : Index{column, channel, tap_w};
  Index index = positions(leading(b_shape), b_batch == 1 ? Expr(0) : batch);
  index.push_back(channel);
  index.push_back(column);
  return index;
}

namespace {

// Views and casts: what lies between a quantised weight and its use.
bool passes_on(const Node& node) {
  return node.op == Op::cast || node.op == Op::transpose || node.op == Op::reshape;
}

// The value whose elements, repeated, are `value`'s.
graph::ValueId behind_views(const Graph& body, graph::ValueId value) {
  while (body.value(value).producer >= 0) {
    const Node& node = body.node(body.value(value).producer);
    if (node.op != Op::reshape && node.op != Op::broadcast_to) break;
    value = node.inputs[0];
  }
  return value;
}

// cast(i8) * scale, with the scale repeated over channels, dimension `d` of both.
std::optional<QuantizedB> quantized_product(const Graph& body, graph::NodeId id, size_t d) {
  const Node& node = body.node(id);
  if (node.op != Op::mul) return std::nullopt;
  for (const int side : {0, 1}) {
    const graph::NodeId cast = body.value(node.inputs[side]).producer;
    if (cast < 0 || body.node(cast).op != Op::cast) continue;
    const graph::ValueId values = body.node(cast).inputs[0];
    if (body.value(values).dtype != DType::i8) continue;
    const graph::ValueId scale = node.inputs[1 - side];
    const Shape& shape = body.value(values).shape;
    const Shape& scales = body.value(behind_views(body, scale)).shape;
    if (shape.size() < 2 || scales.size() < 2 || scales[d] == 0 || shape[d] % scales[d] != 0)
      continue;
    return QuantizedB{id, values, scale, shape[d] / scales[d]};
  }
  return std::nullopt;
}

std::optional<ContractionGeometry> geometry_of(const Graph& body, const Node& node) {
  if (node.op == Op::matmul) return matmul_geometry(body, node);
  return node.op == Op::conv ? conv_geometry_of(body, node) : conv_transpose_geometry(body, node);
}

std::optional<QuantizedB> quantized_of(const Graph& body, graph::ValueId b, size_t channels) {
  graph::NodeId producer = body.value(b).producer;
  while (producer >= 0 && passes_on(body.node(producer)))
    producer = body.value(body.node(producer).inputs[0]).producer;
  return producer < 0 ? std::nullopt : quantized_product(body, producer, channels);
}

}  // namespace

bool has_contraction_geometry(const Graph& graph, const Node& node) {
  return is_float(graph.value(node.inputs[0]).dtype) && geometry_of(graph, node).has_value() &&
         element_count(graph.value(node.outputs[0]).shape) > 0 &&
         element_count(graph.value(node.inputs[0]).shape) > 0;
}

std::optional<ContractionGeometry> contraction_geometry(const graph::Group& group) {
  if (group.anchor < 0) return std::nullopt;
  const Graph& body = group.body;
  const Node& node = body.node(group.anchor);
  if (graph::row(node.op).op_class != graph::OpClass::contraction) return std::nullopt;
  if (!is_float(body.value(node.inputs[0]).dtype)) return std::nullopt;
  std::optional<ContractionGeometry> g = geometry_of(body, node);
  if (!g || element_count(body.value(node.outputs[0]).shape) == 0 || g->channels == 0)
    return std::nullopt;
  g->a = node.inputs[0];
  g->b = node.inputs[1];
  g->bias = node.inputs.size() > 2 ? node.inputs[2] : graph::kAbsent;
  g->a_shape = body.value(g->a).shape;
  g->b_shape = body.value(g->b).shape;
  g->out_shape = body.value(node.outputs[0]).shape;
  g->b_is_weight = body.value(g->b).rate <= Rate::load;
  g->a_dtype = body.value(g->a).dtype;
  g->b_dtype = body.value(g->b).dtype;
  // Matrices are quantised as [out, in] and transposed.
  if (g->b_is_weight) g->quantized = quantized_of(body, g->b, g->is_transposed ? 0 : 1);
  for (size_t n = group.anchor; n < body.nodes().size(); ++n)
    if (graph::half_of_columns(body, body.node(static_cast<graph::NodeId>(n)))) g->parts = 2;
  return g;
}

DType product_dtype(const ContractionGeometry& g, const Target& target) {
  return g.a_dtype == g.b_dtype ? product_dtype(g.a_dtype, target) : DType::f32;
}

DType stored_dtype(const ContractionGeometry& g, const Target& target) {
  if (g.quantized) return DType::i8;
  return g.b_is_weight && size_in_bytes(g.b_dtype) == 2 ? g.b_dtype : product_dtype(g, target);
}

Index quantized_index(const Graph& body, const ContractionGeometry& g, const Index& b_index) {
  Index index = b_index;
  for (graph::NodeId n = body.value(g.b).producer; n != g.quantized->product;
       n = body.value(body.node(n).inputs[0]).producer)
    if (body.node(n).op != Op::cast) index = input_index(body, body.node(n), index);
  return index;
}

}  // namespace tempera::lower
