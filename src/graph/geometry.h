#pragma once

#include <optional>
#include <vector>

#include "graph/attribute.h"

namespace tempera::graph {

// What attributes mean for given shapes; shared by inference, the evaluator, the passes and
// lowering. All but `broadcast` expect well-formed ops (as Graph::add checks them).

// An axis counted from the front; negative ones count from the end.
inline int64_t positive_axis(int64_t axis, size_t rank) {
  return axis < 0 ? axis + static_cast<int64_t>(rank) : axis;
}
// The sorted axes of a reduction or moments; none given means all.
std::vector<int64_t> positive_axes(const std::vector<int64_t>& axes, size_t rank);

// numpy's broadcasting; nullopt where extents contradict.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

// The reshape attribute with its -1 resolved; nullopt where the element counts contradict.
std::optional<Shape> resolved_shape(const Shape& from, const std::vector<int64_t>& shape);

// Element i of a sliced dimension is element start + i * step of the input's, for i < count.
struct SliceRange {
  int64_t start, step, count;
  bool operator==(const SliceRange&) const = default;
};
// One for each dimension of the input.
std::vector<SliceRange> slice_ranges(const Shape& input, const Attributes& slice);

// The attributes of a conv or conv_transpose with their defaults filled in, one entry for each
// spatial dimension.
struct ConvGeometry {
  std::vector<int64_t> strides, dilations, pads_before, pads_after;
  int64_t groups;
};
ConvGeometry conv_geometry(const Attributes& conv, size_t spatial_rank);

}  // namespace tempera::graph
