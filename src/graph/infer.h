#pragma once

#include <span>

#include "base/status.h"
#include "graph/graph.h"

namespace tempera::graph {

// The dtypes, shapes and rate of a node's outputs, row-major and without producer. `inputs` has
// nullptr for an optional input that is not given. invalid_argument, naming the op and the shapes,
// where the node is not well formed: wrong number of inputs, an unknown attribute or one of another
// kind, dtypes or shapes that contradict. A literal has none of this: see Graph::add_literal.
Result<std::vector<Value>> infer(Op op, const Attributes& attributes,
                                 std::span<const Value* const> inputs);

}  // namespace tempera::graph
