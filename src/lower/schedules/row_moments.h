#pragma once

#include <functional>

#include "lower/schedules/row_space.h"

namespace tempera::lower {

// Mean and biased variance of each row of a space, in two passes over the row:
// its mean, then the deviations from it, whose own mean corrects the first's rounding.
struct RowMoments {
  const RowSpace& rows;
  std::function<kernel::Expr(const Index& index, const kernel::Expr& mask)> value;  // any float
  // `mean` and `variance` are f32 of row_lanes().
  std::function<kernel::Stmt(const Index& row, const kernel::Expr& mask, const kernel::Expr& mean,
                             const kernel::Expr& variance)>
      finish;
};

// The grid over all rows, about `block` elements an iteration.
kernel::Stmt each_rows_moments(const RowMoments& moments, int64_t block);

}  // namespace tempera::lower
