#include "lower/schedules/micro_kernel.h"

#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;

Buffer MicroKernel::make_sums() const {
  return kernel::make_buffer("acc", sum_type(), kernel::Space::registers, tile_m * tile_v);
}

Stmt MicroKernel::each_sum(const std::function<Stmt(Expr, Expr, Expr)>& body) const {
  return kernel::unrolled("m", tile_m, [&](const Expr& m) {
    return kernel::unrolled("v", tile_v,
                            [&](const Expr& v) { return body(m, v, m * number(tile_v) + v); });
  });
}

Stmt MicroKernel::clear(const Buffer& sums) const {
  return each_sum([&](const Expr&, const Expr&, const Expr& at) {
    return kernel::store(sums, at, kernel::constant(sum_type(), 0));
  });
}

namespace {

// `pair` elements at `first`, again and again in all lanes.
Expr to_all_lanes(const MicroKernel& tile, const Expr& element) {
  return kernel::repeat(element, static_cast<int>(tile.pair()) * tile.width());
}

Expr multiply_add(const MicroKernel& tile, const Expr& a, const Expr& b, const Expr& sum) {
  if (tile.dtype == DType::bf16) return kernel::call(kernel::Intrinsic::bf16_dot, {sum, a, b});
  return kernel::fma(a, b, sum);
}

}  // namespace

// Nested lets: the vectors of b, then for each row its element and the products.
Stmt MicroKernel::step(const Buffer& sums, const Buffer& a,
                       const std::function<Expr(int64_t)>& a_first, const Buffer& b,
                       const Expr& b_first) const {
  const int elements = static_cast<int>(pair()) * width();
  std::vector<Expr> row;
  for (int64_t v = 0; v < tile_v; ++v)
    row.push_back(kernel::variable(fmt::format("b{}", v), {dtype, elements}));
  std::vector<Stmt> body;
  for (int64_t m = 0; m < tile_m; ++m) {
    const Expr element = kernel::variable(fmt::format("a{}", m), {dtype, static_cast<int>(pair())});
    std::vector<Stmt> products;
    for (int64_t v = 0; v < tile_v; ++v) {
      const Expr at = number(m * tile_v + v);
      products.push_back(kernel::store(
          sums, at,
          multiply_add(*this, to_all_lanes(*this, element), row[v], kernel::load(sums, at))));
    }
    const Expr place = kernel::ramp(a_first(m), 1, static_cast<int>(pair()));
    body.push_back(
        kernel::let(element, kernel::load(a, place), kernel::block(std::move(products))));
  }
  Stmt result = kernel::block(std::move(body));
  for (int64_t v = tile_v; v-- > 0;) {
    const Expr place = kernel::ramp(b_first + number(v * elements), 1, elements);
    result = kernel::let(row[v], kernel::cast(dtype, kernel::load(b, place)), std::move(result));
  }
  return result;
}

Stmt MicroKernel::store_b(const Buffer& b, const Expr& first,
                          const std::function<Expr(int64_t)>& vector) const {
  if (pair() == 1) return kernel::store(b, kernel::ramp(first, 1, lanes), vector(0));
  return kernel::store(b, kernel::ramp(first, 1, 2 * lanes),
                       kernel::call(kernel::Intrinsic::interleave, {vector(0), vector(1)}));
}

Stmt MicroKernel::accumulate(const Buffer& sums, const Buffer& waiting, const Place& place,
                             const Expr& first, const Stmt& products) const {
  const auto begin = [&](const Stmt& at_zero, const Stmt& otherwise) {
    return first.defined() ? kernel::branch(first, at_zero, otherwise) : at_zero;
  };
  if (sums_in_blocks()) {
    const Stmt zero = each_sum([&](const Expr& m, const Expr& v, const Expr&) {
      return kernel::store(waiting, place(m, v), kernel::constant({DType::f32, width()}, 0));
    });
    return kernel::allocate(sums, kernel::block({begin(zero, kernel::block({})), products}));
  }
  const Stmt resume = each_sum([&](const Expr& m, const Expr& v, const Expr& at) {
    return kernel::store(sums, at, kernel::load(waiting, place(m, v)));
  });
  const Stmt keep = each_sum([&](const Expr& m, const Expr& v, const Expr& at) {
    return kernel::store(waiting, place(m, v), kernel::load(sums, at));
  });
  return kernel::allocate(sums, kernel::block({begin(clear(sums), resume), products, keep}));
}

Stmt MicroKernel::flush(const Buffer& sums, const Buffer& waiting, const Place& place) const {
  return each_sum([&](const Expr& m, const Expr& v, const Expr& at) {
    const Expr sum = kernel::cast(DType::f32, kernel::load(sums, at));
    const Expr to = place(m, v);
    return kernel::store(waiting, to, kernel::load(waiting, to) + sum);
  });
}

DType product_dtype(DType operands, const Target& target) {
  const bool native = (operands == DType::bf16 && target.has_bf16_dot) ||
                      (operands == DType::f16 && target.has_f16_arithmetic);
  return native ? operands : DType::f32;
}

}  // namespace tempera::lower
