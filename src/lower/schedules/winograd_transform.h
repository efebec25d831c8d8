#pragma once

#include <functional>
#include <vector>

#include "kernel/stmt.h"

namespace tempera::lower {

// Minimal filtering F(m, 3): m outputs of a 3-tap filter by m + 2 products instead of 3 m,
//   y = A^T ((G w) * (B^T d))
// with the matrices of A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
// CVPR 2016 (arXiv 1509.09308): points 0, 1, -1 for m = 2 and 0, 1, -1, 2, -2 for m = 4, and
// infinity. In two dimensions each matrix is applied along both.
struct WinogradFilter {
  int64_t outputs;  // m: 2 or 4, along one dimension

  int64_t inputs() const { return outputs + 2; }
  int64_t positions() const { return inputs() * inputs(); }
};

// A matrix's rows applied to `values` (f32, of one type), with common parts computed once; `use`
// makes the statement that consumes row i's result.
using UseRow = std::function<kernel::Stmt(int64_t row, const kernel::Expr& value)>;
kernel::Stmt transform_inputs(WinogradFilter filter, const std::vector<kernel::Expr>& values,
                              const UseRow& use);  // B^T: inputs() values to inputs() rows
kernel::Stmt transform_weights(WinogradFilter filter, const std::vector<kernel::Expr>& values,
                               const UseRow& use);  // G: 3 values to inputs() rows
kernel::Stmt transform_products(WinogradFilter filter, const std::vector<kernel::Expr>& values,
                                const UseRow& use);  // A^T: inputs() values to outputs rows

using TransformRows = kernel::Stmt (*)(WinogradFilter, const std::vector<kernel::Expr>&,
                                       const UseRow&);
// The same along both dimensions of a square: `load` gives the element (row, column) of the square
// of `from` x `from`, `use` takes those of the result of `to` x `to`. Elements are of `type`.
kernel::Stmt transform_square(
    WinogradFilter filter, TransformRows transform, int64_t from, int64_t to, kernel::Type type,
    const std::function<kernel::Expr(int64_t, int64_t)>& load,
    const std::function<kernel::Stmt(int64_t, int64_t, const kernel::Expr&)>& use);

}  // namespace tempera::lower
