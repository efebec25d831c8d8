#include "lower/schedules/row_moments.h"

#include "lower/schedules/accumulator.h"

namespace tempera::lower {

using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

struct Builder {
  const RowMoments& moments;
  const RowSpace& rows = moments.rows;
  const Type type{DType::f32, rows.lanes()};
  const Type row_type{DType::f32, rows.row_lanes()};

  Expr wide(const Expr& x) const {
    return x->type.lanes == type.lanes ? x : kernel::broadcast(x, type.lanes);
  }
  Expr value(const Index& index, const Expr& mask) const {
    return wide(cast(DType::f32, moments.value(index, mask)));
  }
  // The mean over the row of what a sum holds.
  Expr mean_of(const Sum& sum) const {
    const Expr total =
        rows.along_row() ? across_lanes(Intrinsic::reduce_add, sum.get()) : sum.get();
    return total * kernel::constant(row_type, 1.0 / static_cast<double>(rows.row_length()));
  }

  Stmt one_row(const Index& row, const Expr& mask) const {
    const Sum sum("sum", type);
    const Sum square("square", type);
    const Register mean("mean", row_type);
    const Expr zero = kernel::constant(type, 0);
    const Stmt first = rows.each_element(
        row, mask,
        [&](const Index& index, const Expr& inside) {
          return sum.add(masked(inside, value(index, inside), zero));
        },
        [&] { return sum.carry(); });
    const Stmt second = rows.each_element(
        row, mask,
        [&](const Index& index, const Expr& inside) {
          const Expr apart = masked(inside, value(index, inside) - wide(mean.get()), zero);
          return kernel::let_in("apart", apart, [&](const Expr& y) {
            return kernel::block({sum.add(y), square.add_square(y)});
          });
        },
        [&] { return kernel::block({sum.carry(), square.carry()}); });
    return with_registers(
        {sum.low, sum.high, square.low, square.high, mean},
        kernel::block({sum.reset(), first, mean.set(mean_of(sum)), sum.reset(), square.reset(),
                       second, finish(row, mask, mean, sum, square)}));
  }

  Stmt finish(const Index& row, const Expr& mask, const Register& mean, const Sum& sum,
              const Sum& square) const {
    return kernel::let_in("correction", mean_of(sum), [&](const Expr& correction) {
      const Expr variance =
          max(mean_of(square) - correction * correction, kernel::constant(row_type, 0));
      return moments.finish(row, mask, mean.get() + correction, variance);
    });
  }
};

}  // namespace

Stmt each_rows_moments(const RowMoments& moments, int64_t block) {
  const Builder builder{moments};
  return moments.rows.each_row(
      block, [&](const Index& row, const Expr& mask) { return builder.one_row(row, mask); });
}

}  // namespace tempera::lower
