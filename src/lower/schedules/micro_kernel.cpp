#include "lower/schedules/micro_kernel.h"

#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;

Buffer MicroKernel::make_sums() const {
  return kernel::make_buffer("acc", sum_type(), kernel::Space::registers, sums_m() * tile_v);
}

Stmt MicroKernel::each_sum(const std::function<Stmt(Expr, Expr, Expr)>& body) const {
  return kernel::unrolled("m", sums_m(), [&](const Expr& m) {
    return kernel::unrolled("v", tile_v, [&](const Expr& v) {
      return body(m * number(sum_rows()), v, m * number(tile_v) + v);
    });
  });
}

Stmt MicroKernel::clear(const Buffer& sums) const {
  return each_sum([&](const Expr&, const Expr&, const Expr& at) {
    return kernel::store(sums, at, kernel::constant(sum_type(), 0));
  });
}

// A matrix of rows of pixels, or one pixel's element or pair.
Expr MicroKernel::a_operand(const Buffer& a, const Expr& first, int64_t stride) const {
  const auto columns = static_cast<int>(depth());
  const Expr place = kernel::ramp(first, 1, columns);
  if (matrix_rows == 0) return kernel::load(a, place);
  return kernel::load(a,
                      kernel::ramp(place, number(stride), static_cast<int>(matrix_rows) * columns));
}

// A vector of columns, of one k or of pairs; a matrix of such rows of pairs.
Expr MicroKernel::b_operand(const Buffer& b, const Expr& first) const {
  const int row = static_cast<int>(pair()) * width();
  const Expr place = kernel::ramp(first, 1, row);
  if (matrix_rows == 0) return kernel::cast(dtype, kernel::load(b, place));
  const auto rows = static_cast<int>(depth() / pair());
  return kernel::load(b, kernel::ramp(place, number(pair() * tile_n()), rows * row));
}

// `a` is one pixel's element or pair, which goes to all lanes, or a matrix.
Expr MicroKernel::add_products(const Expr& sum, const Expr& a, const Expr& b) const {
  using kernel::Intrinsic;
  if (matrix_rows > 0) return kernel::call(Intrinsic::matrix_dot, {sum, a, b});
  const Expr in_all_lanes = kernel::repeat(a, static_cast<int>(pair()) * width());
  if (dtype == DType::bf16) return kernel::call(Intrinsic::bf16_dot, {sum, in_all_lanes, b});
  return kernel::fma(in_all_lanes, b, sum);
}

// Nested lets: a row of b, then for each row of a its operand and the products.
Stmt MicroKernel::step(const Buffer& sums, const Buffer& a, const Expr& a_first, int64_t a_stride,
                       const Buffer& b, const Expr& b_first) const {
  std::vector<Expr> row, row_values;
  for (int64_t v = 0; v < tile_v; ++v) {
    row_values.push_back(b_operand(b, b_first + number(v * pair() * width())));
    row.push_back(kernel::variable(fmt::format("b{}", v), row_values.back()->type));
  }
  std::vector<Stmt> body;
  for (int64_t m = 0; m < sums_m(); ++m) {
    const Expr value = a_operand(a, a_first + number(m * sum_rows() * a_stride), a_stride);
    const Expr element = kernel::variable(fmt::format("a{}", m), value->type);
    std::vector<Stmt> products;
    for (int64_t v = 0; v < tile_v; ++v) {
      const Expr at = number(m * tile_v + v);
      products.push_back(
          kernel::store(sums, at, add_products(kernel::load(sums, at), element, row[v])));
    }
    body.push_back(kernel::let(element, value, kernel::block(std::move(products))));
  }
  Stmt result = kernel::block(std::move(body));
  for (int64_t v = tile_v; v-- > 0;) result = kernel::let(row[v], row_values[v], std::move(result));
  return result;
}

Stmt MicroKernel::store_b(const Buffer& b, const Expr& first,
                          const std::function<Expr(int64_t)>& vector) const {
  if (pair() == 1) return kernel::store(b, kernel::ramp(first, 1, lanes), vector(0));
  return kernel::store(b, kernel::ramp(first, 1, 2 * lanes),
                       kernel::call(kernel::Intrinsic::interleave, {vector(0), vector(1)}));
}

// body(the place of a whole sum, its index)
Stmt MicroKernel::each_waiting(const Place& place,
                               const std::function<Stmt(Expr, Expr)>& body) const {
  return each_sum([&](const Expr& m, const Expr& v, const Expr& at) {
    const Expr row = place(m, v);
    return body(kernel::ramp(row, number(tile_n()), static_cast<int>(sum_rows()) * width()), at);
  });
}

Stmt MicroKernel::accumulate(const Buffer& sums, const Buffer& waiting, const Place& place,
                             const Expr& first, const Stmt& products) const {
  const auto begin = [&](const Stmt& at_zero, const Stmt& otherwise) {
    return first.defined() ? kernel::branch(first, at_zero, otherwise) : at_zero;
  };
  if (sums_in_blocks()) {
    const Stmt zero = each_waiting(place, [&](const Expr& to, const Expr&) {
      return kernel::store(waiting, to, kernel::constant({DType::f32, width()}, 0));
    });
    return kernel::allocate(sums, kernel::block({begin(zero, kernel::block({})), products}));
  }
  const Stmt resume = each_waiting(place, [&](const Expr& from, const Expr& at) {
    return kernel::store(sums, at, kernel::load(waiting, from));
  });
  const Stmt keep = each_waiting(place, [&](const Expr& to, const Expr& at) {
    return kernel::store(waiting, to, kernel::load(sums, at));
  });
  return kernel::allocate(sums, kernel::block({begin(clear(sums), resume), products, keep}));
}

Stmt MicroKernel::flush(const Buffer& sums, const Buffer& waiting, const Place& place) const {
  return each_waiting(place, [&](const Expr& to, const Expr& at) {
    const Expr sum = kernel::cast(DType::f32, kernel::load(sums, at));
    return kernel::store(waiting, to, kernel::load(waiting, to) + sum);
  });
}

DType product_dtype(DType operands, const Target& target) {
  const bool native = (operands == DType::bf16 && target.has_bf16_dot) ||
                      (operands == DType::f16 && target.has_f16_arithmetic);
  return native ? operands : DType::f32;
}

}  // namespace tempera::lower
