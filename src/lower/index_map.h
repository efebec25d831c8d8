#pragma once

#include <vector>

#include "graph/graph.h"
#include "kernel/expr.h"

namespace tempera::lower {

// Movement ops as maps of indices: from an element of the output to the element of the input it is,
// and, for those that lose nothing, back. Index expressions may hold ramps, as GroupAccess says.

using Index = std::vector<kernel::Expr>;

struct InputIndex {
  Index index;
  kernel::Expr inside;  // bool: the element comes from the input at all
};

// The axis attribute of a node, counted from the front.
size_t axis_of(const graph::Node& node, size_t rank);

// numpy broadcasting: the index into an operand of `shape` for an element of a result of
// `result_shape`.
Index broadcast_index(const Shape& shape, const Shape& result_shape, const Index& index);
// reshape, transpose, broadcast_to, slice, upsample_nearest: output element -> input element.
Index input_index(const graph::Graph& body, const graph::Node& node, const Index& index);
// split: element of one of its outputs -> input element.
Index split_index(const graph::Graph& body, const graph::Node& node, graph::ValueId output,
                  const Index& index);
InputIndex pad_index(const graph::Graph& body, const graph::Node& node, const Index& index);
// reshape and transpose: input element -> output element.
Index output_index(const graph::Graph& body, const graph::Node& node, const Index& index);

// The index in `to` of the element that has `index` in `from`, both row-major over the same
// elements.
Index reshape_index(const Shape& from, const Shape& to, const Index& index);

}  // namespace tempera::lower
