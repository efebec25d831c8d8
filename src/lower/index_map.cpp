#include "lower/index_map.h"

#include "graph/geometry.h"
#include "kernel/simplify.h"

namespace tempera::lower {

using graph::Graph;
using graph::Node;
using graph::Op;
using kernel::Expr;

namespace {

Expr number(int64_t value) { return static_cast<int>(value); }

// Row-major position of `index[begin, end)` within the extents shape[begin, end).
Expr flatten(const Shape& shape, const Index& index, size_t begin, size_t end) {
  Expr flat = 0;
  for (size_t d = begin; d < end; ++d) {
    if (shape[d] == 1) continue;
    flat = is_constant(flat, 0) ? index[d] : flat * number(shape[d]) + index[d];
  }
  return flat;
}

// Splits a row-major position into the extents shape[begin, end) and appends them to `index`.
void unflatten(const Shape& shape, Expr flat, size_t begin, size_t end, Index& index) {
  int64_t inner = 1;
  for (size_t d = begin; d < end; ++d) inner *= shape[d];
  bool outermost = true;
  for (size_t d = begin; d < end; ++d) {
    inner /= shape[d];
    if (shape[d] == 1) {
      index.push_back(0);
      continue;
    }
    Expr part = inner == 1 ? flat : flat / number(inner);
    if (!outermost) part = part % number(shape[d]);
    index.push_back(kernel::simplify(part));
    outermost = false;
  }
}

}  // namespace

size_t axis_of(const Node& node, size_t rank) {
  return static_cast<size_t>(graph::positive_axis(graph::int_attribute(node, "axis"), rank));
}

Index broadcast_index(const Shape& shape, const Shape& result_shape, const Index& index) {
  const size_t skip = result_shape.size() - shape.size();
  Index inner(index.begin() + skip, index.end());
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] == 1 && result_shape[d + skip] != 1) inner[d] = 0;
  return inner;
}

// Dimensions are matched in the smallest runs of equal element count, so that a dimension that the
// reshape leaves alone keeps its index as it is.
Index reshape_index(const Shape& from, const Shape& to, const Index& index) {
  Index result;
  size_t f = 0;
  size_t t = 0;
  while (f < from.size() || t < to.size()) {
    const size_t f_begin = f;
    const size_t t_begin = t;
    int64_t f_count = f < from.size() ? from[f++] : 1;
    int64_t t_count = t < to.size() ? to[t++] : 1;
    while (f_count != t_count) {
      if (f_count < t_count)
        f_count *= from.at(f++);
      else
        t_count *= to.at(t++);
    }
    if (f - f_begin == 1 && t - t_begin == 1)
      result.push_back(index[f_begin]);
    else
      unflatten(to, flatten(from, index, f_begin, f), t_begin, t, result);
  }
  return result;
}

Index input_index(const Graph& body, const Node& node, const Index& index) {
  const Shape& input = body.value(node.inputs[0]).shape;
  const Shape& output = body.value(node.outputs[0]).shape;
  switch (node.op) {
    case Op::reshape:
      return reshape_index(output, input, index);
    case Op::broadcast_to:
      return broadcast_index(input, output, index);
    case Op::transpose: {
      Index inner(index.size());
      const std::vector<int64_t>& perm = graph::ints_attribute(node, "perm");
      for (size_t d = 0; d < index.size(); ++d) {
        const size_t from = perm.empty() ? index.size() - 1 - d : static_cast<size_t>(perm[d]);
        inner[from] = index[d];
      }
      return inner;
    }
    case Op::slice: {
      Index inner = index;
      const auto ranges = graph::slice_ranges(input, node.attributes);
      for (size_t d = 0; d < index.size(); ++d)
        if (ranges[d].start != 0 || ranges[d].step != 1)
          inner[d] = index[d] * number(ranges[d].step) + number(ranges[d].start);
      return inner;
    }
    case Op::upsample_nearest: {
      Index inner = index;
      const size_t first = input.size() - graph::ints_attribute(node, "size").size();
      for (size_t d = first; d < index.size(); ++d) {
        if (input[d] == output[d]) continue;
        inner[d] = output[d] % input[d] == 0 ? index[d] / number(output[d] / input[d])
                                             : index[d] * number(input[d]) / number(output[d]);
      }
      return inner;
    }
    default:
      CHECK(false, "{} is no view", name(node.op));
  }
}

Index split_index(const Graph& body, const Node& node, graph::ValueId output, const Index& index) {
  const size_t axis = axis_of(node, index.size());
  int64_t begin = 0;
  for (const graph::ValueId piece : node.outputs) {
    if (piece == output) break;
    begin += body.value(piece).shape[axis];
  }
  Index inner = index;
  if (begin != 0) inner[axis] = index[axis] + number(begin);
  return inner;
}

InputIndex pad_index(const Graph& body, const Node& node, const Index& index) {
  const Shape& input = body.value(node.inputs[0]).shape;
  const Shape& output = body.value(node.outputs[0]).shape;
  const std::vector<int64_t>& pads = graph::ints_attribute(node, "pads");
  InputIndex result{index, {}};
  for (size_t d = 0; d < index.size(); ++d) {
    if (pads[d] == 0 && input[d] == output[d]) continue;
    result.index[d] = index[d] - number(pads[d]);
    const Expr inside = Expr(-1) < result.index[d] && result.index[d] < number(input[d]);
    result.inside = result.inside.defined() ? result.inside && inside : inside;
  }
  if (!result.inside.defined()) result.inside = kernel::constant_int({DType::boolean, 1}, 1);
  return result;
}

Index output_index(const Graph& body, const Node& node, const Index& index) {
  const Shape& input = body.value(node.inputs[0]).shape;
  const Shape& output = body.value(node.outputs[0]).shape;
  if (node.op == Op::reshape) return reshape_index(input, output, index);
  CHECK(node.op == Op::transpose, "{} after an anchor", name(node.op));
  const std::vector<int64_t>& perm = graph::ints_attribute(node, "perm");
  Index outer(index.size());
  for (size_t d = 0; d < index.size(); ++d) {
    const size_t from = perm.empty() ? index.size() - 1 - d : static_cast<size_t>(perm[d]);
    outer[d] = index[from];
  }
  return outer;
}

}  // namespace tempera::lower
