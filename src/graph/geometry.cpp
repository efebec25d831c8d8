#include "graph/geometry.h"

#include <algorithm>
#include <numeric>

namespace tempera::graph {

std::vector<int64_t> positive_axes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<int64_t> result(axes);
  if (axes.empty()) {
    result.resize(rank);
    std::iota(result.begin(), result.end(), 0);
  }
  for (int64_t& axis : result) axis = positive_axis(axis, rank);
  std::sort(result.begin(), result.end());
  return result;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() < b.size() ? b : a;
  const Shape& shorter = a.size() < b.size() ? a : b;
  Shape result = longer;
  size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& extent = result[offset + i];
    if (extent == 1)
      extent = shorter[i];
    else if (shorter[i] != 1 && shorter[i] != extent)
      return std::nullopt;
  }
  return result;
}

std::optional<Shape> resolved_shape(const Shape& from, const std::vector<int64_t>& shape) {
  Shape result = shape;
  auto open = std::find(result.begin(), result.end(), -1);
  if (open != result.end()) {
    *open = 1;
    int64_t others = element_count(result);
    *open = others == 0 ? 0 : element_count(from) / others;
  }
  bool negative = std::any_of(result.begin(), result.end(), [](int64_t n) { return n < 0; });
  if (negative || element_count(result) != element_count(from)) return std::nullopt;
  return result;
}

namespace {

SliceRange slice_range(int64_t extent, int64_t start, int64_t end, int64_t step) {
  int64_t lowest = step > 0 ? 0 : -1;
  int64_t highest = step > 0 ? extent : extent - 1;
  auto place = [&](int64_t index) {
    return std::clamp(index < 0 ? index + extent : index, lowest, std::max(lowest, highest));
  };
  start = step > 0 ? place(start) : std::max<int64_t>(place(start), extent > 0 ? 0 : -1);
  end = place(end);
  int64_t span = step > 0 ? end - start : start - end;
  int64_t stride = step > 0 ? step : -step;
  return {start, step, span <= 0 ? 0 : (span + stride - 1) / stride};
}

}  // namespace

std::vector<SliceRange> slice_ranges(const Shape& input, const Attributes& slice) {
  const auto& starts = ints_attribute(Op::slice, slice, "starts");
  const auto& ends = ints_attribute(Op::slice, slice, "ends");
  const auto& axes = ints_attribute(Op::slice, slice, "axes");
  const auto& steps = ints_attribute(Op::slice, slice, "steps");
  std::vector<SliceRange> ranges;
  for (int64_t extent : input) ranges.push_back({0, 1, extent});
  for (size_t i = 0; i < starts.size(); ++i) {
    size_t axis = axes.empty() ? i : positive_axis(axes[i], input.size());
    ranges[axis] = slice_range(input[axis], starts[i], ends[i], steps.empty() ? 1 : steps[i]);
  }
  return ranges;
}

ConvGeometry conv_geometry(const Attributes& conv, size_t spatial_rank) {
  auto filled = [&](std::string_view name, size_t size, int64_t value) {
    const auto& given = ints_attribute(Op::conv, conv, name);
    return given.empty() ? std::vector<int64_t>(size, value) : given;
  };
  auto pads = filled("pads", 2 * spatial_rank, 0);
  auto middle = pads.begin() + static_cast<ptrdiff_t>(pads.size() / 2);
  return {.strides = filled("strides", spatial_rank, 1),
          .dilations = filled("dilations", spatial_rank, 1),
          .pads_before = {pads.begin(), middle},
          .pads_after = {middle, pads.end()},
          .groups = int_attribute(Op::conv, conv, "groups")};
}

}  // namespace tempera::graph
