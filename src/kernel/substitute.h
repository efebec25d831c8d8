#pragma once

#include <unordered_map>

#include "kernel/stmt.h"

namespace tempera::kernel {

using Substitution = std::unordered_map<const ExprNode*, Expr>;

// Puts expressions in the place of variables, by identity. The variables must not be bound inside.
Expr substitute(const Expr& e, const Substitution& replacements);
Stmt substitute(const Stmt& s, const Substitution& replacements);

}  // namespace tempera::kernel
