// Contractions, reductions, normalisations and attention.
#include <algorithm>

#include "graph/geometry.h"
#include "graph/inference/call.h"

namespace tempera::graph::inference {

namespace {

Types one(DType dtype, Shape shape) { return std::vector<TensorType>{{dtype, std::move(shape)}}; }

// The dtype of a contraction: what `result` names, or that of input 0.
Result<DType> contraction_result(const Call& call) {
  const std::string& asked = string_attribute(call.op, call.attributes, "result");
  if (asked.empty()) return call.dtype(0);
  auto dtype = dtype_from_name(asked);
  if (!dtype || !is_float(*dtype) || !is_float(call.dtype(0)))
    return fault(call, "result '{}' of {}; floats may be f64, f32, f16 or bf16", asked,
                 name(call.dtype(0)));
  return *dtype;
}

Status check_all_float(const Call& call) {
  for (size_t i = 0; i < call.inputs.size(); ++i)
    if (call.has(i) && !is_float(call.dtype(i)))
      return fault(call, "needs floats, not {}", name(call.dtype(i)));
  return {};
}

Types matmul(const Call& call) {
  bool floats = is_float(call.dtype(0)) && is_float(call.dtype(1));
  if ((!floats && call.dtype(0) != call.dtype(1)) || call.dtype(0) == DType::boolean)
    return fault(call, "of {} and {}", name(call.dtype(0)), name(call.dtype(1)));
  ASSIGN_OR_RETURN(DType result, contraction_result(call));
  Shape a = call.shape(0), b = call.shape(1);
  if (a.empty() || b.empty()) return fault(call, "of a scalar");
  bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  Shape leading_a(a.begin(), a.end() - 2), leading_b(b.begin(), b.end() - 2);
  auto shape = broadcast(leading_a, leading_b);
  if (!shape || a.back() != b[b.size() - 2])
    return fault(call, "{} x {} do not fit", to_string(call.shape(0)), to_string(call.shape(1)));
  if (!row) shape->push_back(a[a.size() - 2]);
  if (!column) shape->push_back(b.back());
  return one(result, *shape);
}

Status check_conv_lists(const Call& call, size_t spatial) {
  auto check = [&](std::string_view list, size_t size, int64_t least) -> Status {
    const auto& given = call.integers(list);
    bool low = std::any_of(given.begin(), given.end(), [&](int64_t n) { return n < least; });
    if ((!given.empty() && given.size() != size) || low)
      return fault(call, "{} {} with {} spatial dimensions", list, to_string(given), spatial);
    return {};
  };
  TRY(check("strides", spatial, 1));
  TRY(check("dilations", spatial, 1));
  return check("pads", 2 * spatial, 0);
}

Status check_conv_channels(const Call& call) {
  const Shape &x = call.shape(0), &w = call.shape(1);
  int64_t groups = call.integer("groups");
  if (groups < 1 || x[1] != w[1] * groups || w[0] % groups != 0)
    return fault(call, "{} has {} channels, weight {} with {} groups takes {}", to_string(x), x[1],
                 to_string(w), groups, w[1] * groups);
  if (call.has(2) && call.shape(2) != Shape{w[0]})
    return fault(call, "bias {} for {} output channels", to_string(call.shape(2)), w[0]);
  return {};
}

Status check_conv_transpose_channels(const Call& call) {
  const Shape &x = call.shape(0), &w = call.shape(1);
  int64_t groups = call.integer("groups");
  if (groups < 1 || x[1] != w[0] || w[0] % groups != 0)
    return fault(call, "{} has {} channels, weight {} with {} groups takes {}", to_string(x), x[1],
                 to_string(w), groups, w[0]);
  if (call.has(2) && call.shape(2) != Shape{w[1] * groups})
    return fault(call, "bias {} for {} output channels", to_string(call.shape(2)), w[1] * groups);
  return {};
}

struct ConvCall {
  DType result;
  size_t spatial;
  ConvGeometry geometry;
};

// What conv and conv_transpose have in common.
Result<ConvCall> checked_conv(const Call& call, Status (*check_channels)(const Call&)) {
  TRY(check_all_float(call));
  ASSIGN_OR_RETURN(DType result, contraction_result(call));
  const Shape &x = call.shape(0), &w = call.shape(1);
  if (x.size() < 3 || w.size() != x.size())
    return fault(call, "of {} with weight {}", to_string(x), to_string(w));
  size_t spatial = x.size() - 2;
  TRY(check_conv_lists(call, spatial));
  TRY(check_channels(call));
  return ConvCall{result, spatial, conv_geometry(call.attributes, spatial)};
}

Types conv_transpose(const Call& call) {
  ASSIGN_OR_RETURN(const auto checked, checked_conv(call, check_conv_transpose_channels));
  const auto& [result, spatial, geometry] = checked;
  const Shape &x = call.shape(0), &w = call.shape(1);
  Shape shape{x[0], w[1] * geometry.groups};
  for (size_t d = 0; d < spatial; ++d) {
    int64_t extent = (x[d + 2] - 1) * geometry.strides[d] + (w[d + 2] - 1) * geometry.dilations[d] +
                     1 - geometry.pads_before[d] - geometry.pads_after[d];
    if (w[d + 2] < 1 || extent < 1)
      return fault(call, "weight {} over {} leaves nothing between its pads", to_string(w),
                   to_string(x));
    shape.push_back(extent);
  }
  return one(result, shape);
}

Types conv(const Call& call) {
  ASSIGN_OR_RETURN(const auto checked, checked_conv(call, check_conv_channels));
  const auto& [result, spatial, geometry] = checked;
  const Shape &x = call.shape(0), &w = call.shape(1);
  Shape shape{x[0], w[0]};
  for (size_t d = 0; d < spatial; ++d) {
    int64_t padded = x[d + 2] + geometry.pads_before[d] + geometry.pads_after[d];
    int64_t reach = (w[d + 2] - 1) * geometry.dilations[d] + 1;
    if (w[d + 2] < 1 || padded < reach)
      return fault(call, "weight {} is larger than {} with its pads", to_string(w), to_string(x));
    shape.push_back((padded - reach) / geometry.strides[d] + 1);
  }
  return one(result, shape);
}

Shape reduced(const Shape& shape, const std::vector<int64_t>& axes, bool keepdims) {
  Shape result;
  for (size_t d = 0; d < shape.size(); ++d) {
    bool gone = std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(d));
    if (!gone || keepdims) result.push_back(gone ? 1 : shape[d]);
  }
  return result;
}

Types reduce(const Call& call) {
  if (call.dtype(0) == DType::boolean) return fault(call, "does not take bool");
  if (call.op == Op::reduce_mean) TRY(check_floats(call));
  ASSIGN_OR_RETURN(auto axes, checked_axes(call, call.integers("axes"), call.rank(0)));
  bool extremum = call.op == Op::reduce_max || call.op == Op::reduce_min;
  if (extremum && element_count(call.shape(0)) == 0)
    return fault(call, "of no elements: {}", to_string(call.shape(0)));
  return one(call.dtype(0), reduced(call.shape(0), axes, call.integer("keepdims") != 0));
}

Types argmax(const Call& call) {
  ASSIGN_OR_RETURN(int64_t axis, checked_axis(call, call.integer("axis"), call.rank(0)));
  if (call.shape(0)[axis] == 0) return fault(call, "of no elements: {}", to_string(call.shape(0)));
  return one(DType::i64, reduced(call.shape(0), {axis}, call.integer("keepdims") != 0));
}

Types rank(const Call& call) {
  if (call.dtype(0) == DType::boolean) return fault(call, "does not take bool");
  ASSIGN_OR_RETURN([[maybe_unused]] const int64_t axis,
                   checked_axis(call, call.integer("axis"), call.rank(0)));
  return one(DType::i32, call.shape(0));
}

Types segment_mean(const Call& call) {
  Shape shape = call.shape(0);
  if (!is_float(call.dtype(0)) || is_float(call.dtype(1)) || call.dtype(1) == DType::boolean)
    return fault(call, "of {} by {}", name(call.dtype(0)), name(call.dtype(1)));
  if (shape.size() < 2 || call.shape(1) != Shape(shape.begin(), shape.end() - 1))
    return fault(call, "{} does not fit ids {}", to_string(shape), to_string(call.shape(1)));
  if (call.integer("segments") < 1)
    return fault(call, "into {} segments", call.integer("segments"));
  shape[shape.size() - 2] = call.integer("segments");
  return one(call.dtype(0), std::move(shape));
}

Types moments(const Call& call) {
  TRY(check_floats(call));
  ASSIGN_OR_RETURN(auto axes, checked_axes(call, call.integers("axes"), call.rank(0)));
  TensorType type{call.dtype(0), reduced(call.shape(0), axes, true)};
  return std::vector<TensorType>{type, type};
}

Status check_group_norm(const Call& call) {
  TRY(check_floats(call));
  const Shape& x = call.shape(0);
  int64_t groups = call.integer("groups");
  if (x.size() < 2 || groups < 1 || x[1] % groups != 0)
    return fault(call, "{} groups of the channels of {}", groups, to_string(x));
  for (size_t i : {1, 2})
    if (call.shape(i) != Shape{x[1]})
      return fault(call, "scale or bias {} for {} channels", to_string(call.shape(i)), x[1]);
  return {};
}

Types group_norm(const Call& call) {
  TRY(check_group_norm(call));
  return one(call.dtype(0), call.shape(0));
}

Types channel_moments(const Call& call) {
  TRY(check_floats(call));
  const Shape& x = call.shape(0);
  if (x.size() < 2) return fault(call, "of {}", to_string(x));
  return one(DType::f32, {x[0], 3 * x[1]});
}

Types group_norm_affine(const Call& call) {
  TRY(check_floats(call));
  const Shape& scale = call.shape(0);
  const int64_t groups = call.integer("groups"), rank = call.integer("rank");
  int64_t images = 1, channels = 0;
  for (size_t i = 2; i < call.inputs.size(); ++i) {
    const Shape& piece = call.shape(i);
    if (piece.size() != 2 || piece[1] % 3 != 0)
      return fault(call, "moments of channels {}", to_string(piece));
    images = std::max(images, piece[0]);
    channels += piece[1] / 3;
  }
  for (size_t i = 2; i < call.inputs.size(); ++i)
    if (call.shape(i)[0] < 1 || images % call.shape(i)[0] != 0)
      return fault(call, "moments of {} images beside {}", call.shape(i)[0], images);
  if (groups < 1 || channels % groups != 0 || rank < 2)
    return fault(call, "{} groups of {} channels in {} dimensions", groups, channels, rank);
  if (scale != Shape{channels} || call.shape(1) != scale)
    return fault(call, "scale {} or bias {} for {} channels", to_string(scale),
                 to_string(call.shape(1)), channels);
  Shape shape(static_cast<size_t>(rank), 1);
  shape[0] = images;
  shape[1] = channels;
  TensorType type{call.dtype(0), shape};
  return std::vector<TensorType>{type, type};
}

Types layer_norm(const Call& call) {
  TRY(check_floats(call));
  const Shape& x = call.shape(0);
  if (x.empty()) return fault(call, "of a scalar");
  for (size_t i = 1; i < call.inputs.size(); ++i)
    if (call.has(i) && call.shape(i) != Shape{x.back()})
      return fault(call, "scale or bias {} for rows of {}", to_string(call.shape(i)), x.back());
  return one(call.dtype(0), x);
}

Status check_mask(const Call& call, const Shape& scores) {
  if (!call.has(3)) return {};
  auto joined = broadcast(call.shape(3), scores);
  if (!joined || *joined != scores)
    return fault(call, "mask {} does not broadcast to {}", to_string(call.shape(3)),
                 to_string(scores));
  return {};
}

}  // namespace

Types infer_contraction(const Call& call) {
  if (call.op == Op::conv_transpose) return conv_transpose(call);
  return call.op == Op::matmul ? matmul(call) : conv(call);
}

Types infer_reduction(const Call& call) {
  if (call.op == Op::argmax) return argmax(call);
  if (call.op == Op::rank) return rank(call);
  if (call.op == Op::segment_mean) return segment_mean(call);
  return call.op == Op::moments ? moments(call) : reduce(call);
}

Types infer_normalization(const Call& call) {
  if (call.op == Op::group_norm) return group_norm(call);
  if (call.op == Op::channel_moments) return channel_moments(call);
  if (call.op == Op::group_norm_affine) return group_norm_affine(call);
  if (call.op == Op::layer_norm) return layer_norm(call);
  TRY(check_floats(call));
  ASSIGN_OR_RETURN([[maybe_unused]] int64_t axis,
                   checked_axis(call, call.integer("axis"), call.rank(0)));
  return one(call.dtype(0), call.shape(0));
}

Types infer_attention(const Call& call) {
  TRY(check_floats(call));
  const Shape &q = call.shape(0), &k = call.shape(1), &v = call.shape(2);
  int64_t heads = call.integer("heads");
  bool fits = q.size() == 3 && k.size() == 3 && v.size() == 3 && q[0] == k[0] && k[0] == v[0] &&
              k[1] == v[1] && q[2] == k[2] && heads > 0 && q[2] % heads == 0 && v[2] % heads == 0;
  if (!fits)
    return fault(call, "q {}, k {}, v {} with {} heads do not fit", to_string(q), to_string(k),
                 to_string(v), heads);
  TRY(check_mask(call, {q[0], heads, q[1], k[1]}));
  return one(call.dtype(0), {q[0], q[1], v[2]});
}

}  // namespace tempera::graph::inference
