#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "kernel/kernel.h"

namespace tempera::kernel {

// Reads the text that print.h describes: to_string(parse_kernel(t)) == t for t = to_string(k). An
// error is invalid_argument and names line and column. `//` starts a comment.
Result<Kernel> parse_kernel(std::string_view text);

// Reads one expression; `variables` are the names it may use.
Result<Expr> parse_expr(std::string_view text,
                        const std::unordered_map<std::string, Expr>& variables);

}  // namespace tempera::kernel
