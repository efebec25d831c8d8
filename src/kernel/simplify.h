#pragma once

#include "kernel/bounds.h"
#include "kernel/kernel.h"

namespace tempera::kernel {

// An equal expression or statement that is cheaper and in a normal form. Integer expressions become
// sums of products with terms in the order in which their variables were bound; div and mod by
// constants are resolved where ranges and divisibility prove it; vectors whose lanes are alike
// become broadcasts, and index vectors ramps; conditions that are always true or false go, with
// what they guard. Equal expressions come out as the same node. i32 arithmetic is taken not to
// overflow; float arithmetic keeps every bit.
//
// Of statements also: loops of extent 0 and (grid, serial, unrolled) 1, masks, branches, and lets
// that are unused, plain index arithmetic, or used once beside their definition. Inside a branch
// its condition is taken into account.
//
// Time is near linear in the number of distinct nodes.
Expr simplify(const Expr& e, const VariableRanges& ranges = {});
Stmt simplify(const Stmt& s, const VariableRanges& ranges = {});
Kernel simplify(Kernel kernel);

}  // namespace tempera::kernel
