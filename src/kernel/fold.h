#pragma once

#include "kernel/expr.h"

namespace tempera::kernel {

// The value of a scalar node whose operands are all constants, as the interpreter would compute it;
// undefined if the node is no such operation or its value is not defined (division by zero).
Expr fold(const Expr& e);

}  // namespace tempera::kernel
