#pragma once

#include <span>

#include "graph/graph.h"
#include "kernel/expr.h"

namespace tempera::lower {

// An element-wise graph op on element values (scalars or vectors of equal lanes, in the inputs'
// dtypes), giving the output's dtype. Every op of class elementwise has a case here: one of the
// places that a new activation touches.
kernel::Expr elementwise(const graph::Node& node, std::span<const kernel::Expr> args, DType result);

}  // namespace tempera::lower
