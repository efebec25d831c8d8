#include <algorithm>
#include <numeric>

#include "graph/geometry.h"
#include "graph/inference/call.h"

namespace tempera::graph::inference {

namespace {

Types same_dtype(const Call& call, Shape shape) {
  return std::vector<TensorType>{{call.dtype(0), std::move(shape)}};
}

Types reshape(const Call& call) {
  const auto& asked = call.integers("shape");
  auto shape = resolved_shape(call.shape(0), asked);
  if (!shape)
    return fault(call, "{} does not become {}", to_string(call.shape(0)), to_string(asked));
  return same_dtype(call, *shape);
}

Types transpose(const Call& call) {
  const auto& perm = call.integers("perm");
  std::vector<int64_t> identity(call.rank(0));
  std::iota(identity.begin(), identity.end(), 0);
  if (!std::is_permutation(perm.begin(), perm.end(), identity.begin(), identity.end()))
    return fault(call, "perm {} does not permute the {} dimensions of {}", to_string(perm),
                 call.rank(0), to_string(call.shape(0)));
  Shape shape;
  for (int64_t from : perm) shape.push_back(call.shape(0)[from]);
  return same_dtype(call, shape);
}

Types broadcast_to(const Call& call) {
  const auto& shape = call.integers("shape");
  auto joined = broadcast(call.shape(0), shape);
  if (!joined || *joined != shape)
    return fault(call, "{} does not broadcast to {}", to_string(call.shape(0)), to_string(shape));
  return same_dtype(call, shape);
}

Types slice(const Call& call) {
  const auto& starts = call.integers("starts");
  const auto& axes = call.integers("axes");
  const auto& steps = call.integers("steps");
  bool fits = call.integers("ends").size() == starts.size() &&
              (axes.empty() ? starts.size() <= call.rank(0) : axes.size() == starts.size()) &&
              (steps.empty() || steps.size() == starts.size());
  if (!fits) return fault(call, "starts, ends, axes and steps differ in length");
  if (std::find(steps.begin(), steps.end(), 0) != steps.end()) return fault(call, "a step of 0");
  if (!axes.empty()) {
    ASSIGN_OR_RETURN([[maybe_unused]] auto checked, checked_axes(call, axes, call.rank(0)));
  }
  Shape shape;
  for (const SliceRange& range : slice_ranges(call.shape(0), call.attributes))
    shape.push_back(range.count);
  return same_dtype(call, shape);
}

Types concat(const Call& call) {
  ASSIGN_OR_RETURN(int64_t axis, checked_axis(call, call.integer("axis"), call.rank(0)));
  Shape shape = call.shape(0);
  for (size_t i = 1; i < call.inputs.size(); ++i) {
    const Shape& piece = call.shape(i);
    if (call.dtype(i) != call.dtype(0))
      return fault(call, "input {} is {}, input 0 is {}", i, name(call.dtype(i)),
                   name(call.dtype(0)));
    bool fits = piece.size() == shape.size();
    for (size_t d = 0; fits && d < shape.size(); ++d)
      fits = static_cast<int64_t>(d) == axis || piece[d] == shape[d];
    if (!fits)
      return fault(call, "input {} is {}, input 0 is {}, along axis {}", i, to_string(piece),
                   to_string(call.shape(0)), axis);
    shape[axis] += piece[axis];
  }
  return same_dtype(call, shape);
}

Types split(const Call& call) {
  ASSIGN_OR_RETURN(int64_t axis, checked_axis(call, call.integer("axis"), call.rank(0)));
  const auto& sizes = call.integers("sizes");
  bool negative = std::any_of(sizes.begin(), sizes.end(), [](int64_t n) { return n < 0; });
  int64_t sum = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
  if (sizes.empty() || negative || sum != call.shape(0)[axis])
    return fault(call, "sizes {} do not divide axis {} of {}", to_string(sizes), axis,
                 to_string(call.shape(0)));
  std::vector<TensorType> pieces;
  for (int64_t size : sizes) {
    pieces.push_back({call.dtype(0), call.shape(0)});
    pieces.back().shape[axis] = size;
  }
  return pieces;
}

Types pad(const Call& call) {
  const auto& pads = call.integers("pads");
  size_t rank = call.rank(0);
  bool negative = std::any_of(pads.begin(), pads.end(), [](int64_t n) { return n < 0; });
  if (pads.size() != 2 * rank || negative)
    return fault(call, "pads {} for {}: two non-negative numbers for each dimension",
                 to_string(pads), to_string(call.shape(0)));
  Shape shape = call.shape(0);
  for (size_t d = 0; d < rank; ++d) shape[d] += pads[d] + pads[rank + d];
  return same_dtype(call, shape);
}

Types upsample_nearest(const Call& call) {
  const auto& size = call.integers("size");
  size_t rank = call.rank(0);
  bool positive = std::all_of(size.begin(), size.end(), [](int64_t n) { return n > 0; });
  if (size.size() > rank || !positive || element_count(call.shape(0)) == 0)
    return fault(call, "{} does not resize to {}", to_string(call.shape(0)), to_string(size));
  Shape shape = call.shape(0);
  std::copy(size.begin(), size.end(), shape.end() - static_cast<ptrdiff_t>(size.size()));
  return same_dtype(call, shape);
}

Types gather(const Call& call) {
  ASSIGN_OR_RETURN(int64_t axis, checked_axis(call, call.integer("axis"), call.rank(0)));
  if (call.dtype(1) != DType::i64 && call.dtype(1) != DType::i32)
    return fault(call, "indices are {}, not i64 or i32", name(call.dtype(1)));
  Shape shape = call.shape(0);
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, call.shape(1).begin(), call.shape(1).end());
  return same_dtype(call, shape);
}

}  // namespace

Types infer_movement(const Call& call) {
  switch (call.op) {
    case Op::reshape:
      return reshape(call);
    case Op::transpose:
      return transpose(call);
    case Op::broadcast_to:
      return broadcast_to(call);
    case Op::slice:
      return slice(call);
    case Op::concat:
      return concat(call);
    case Op::split:
      return split(call);
    case Op::pad:
      return pad(call);
    case Op::upsample_nearest:
      return upsample_nearest(call);
    case Op::gather:
      return gather(call);
    default:
      CHECK(false, "{} is no movement", name(call.op));
  }
}

}  // namespace tempera::graph::inference
