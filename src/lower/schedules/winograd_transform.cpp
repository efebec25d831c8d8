#include "lower/schedules/winograd_transform.h"

#include <fmt/core.h>

#include "base/check.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Expr;
using kernel::f32;
using kernel::Stmt;

namespace {

// Values with names, for the statements that use them.
class Names {
 public:
  Expr bind(const Expr& value) {
    lets_.emplace_back(kernel::variable(fmt::format("x{}", lets_.size()), value->type), value);
    return lets_.back().first;
  }
  std::vector<Expr> bind_all(const std::vector<Expr>& values) {
    std::vector<Expr> names;
    for (const Expr& value : values) names.push_back(bind(value));
    return names;
  }
  // The uses of all rows, inside the lets.
  Stmt use(const std::vector<Expr>& rows, const UseRow& use) const {
    std::vector<Stmt> body;
    for (size_t i = 0; i < rows.size(); ++i) body.push_back(use(static_cast<int64_t>(i), rows[i]));
    Stmt result = kernel::block(std::move(body));
    for (auto let = lets_.rbegin(); let != lets_.rend(); ++let)
      result = kernel::let(let->first, let->second, std::move(result));
    return result;
  }

 private:
  std::vector<std::pair<Expr, Expr>> lets_;
};

// factor * x + y, rounded once.
Expr scale_add(double factor, const Expr& x, const Expr& y) {
  return kernel::fma(kernel::broadcast(f32(factor), x->type.lanes), x, y);
}

}  // namespace

Stmt transform_inputs(WinogradFilter filter, const std::vector<Expr>& values, const UseRow& use) {
  Names names;
  const std::vector<Expr> d = names.bind_all(values);
  if (filter.outputs == 2)
    return names.use({d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]}, use);
  CHECK(filter.outputs == 4, "no transform for {} outputs", filter.outputs);
  const Expr even = names.bind(scale_add(-4, d[2], d[4])),
             odd = names.bind(scale_add(-4, d[1], d[3]));
  const Expr far = names.bind(d[4] - d[2]), near = names.bind(d[3] - d[1]);
  return names.use({scale_add(4, d[0] - d[2], far), even + odd, even - odd, scale_add(2, near, far),
                    scale_add(-2, near, far), scale_add(4, d[1], scale_add(-5, d[3], d[5]))},
                   use);
}

Stmt transform_weights(WinogradFilter filter, const std::vector<Expr>& values, const UseRow& use) {
  Names names;
  const std::vector<Expr> g = names.bind_all(values);
  if (filter.outputs == 2) {
    const Expr ends = names.bind((g[0] + g[2]) * f32(0.5)), middle = names.bind(g[1] * f32(0.5));
    return names.use({g[0], ends + middle, ends - middle, g[2]}, use);
  }
  CHECK(filter.outputs == 4, "no transform for {} outputs", filter.outputs);
  const Expr ends = names.bind((g[0] + g[2]) * f32(-1.0 / 6));
  const Expr middle = names.bind(g[1] * f32(1.0 / 6));
  const Expr ends2 = names.bind(scale_add(1.0 / 24, g[0], g[2] * f32(1.0 / 6)));
  const Expr middle2 = names.bind(g[1] * f32(1.0 / 12));
  return names.use(
      {g[0] * f32(0.25), ends - middle, ends + middle, ends2 + middle2, ends2 - middle2, g[2]},
      use);
}

Stmt transform_products(WinogradFilter filter, const std::vector<Expr>& values, const UseRow& use) {
  Names names;
  const std::vector<Expr> m = names.bind_all(values);
  if (filter.outputs == 2) return names.use({m[0] + m[1] + m[2], m[1] - m[2] - m[3]}, use);
  CHECK(filter.outputs == 4, "no transform for {} outputs", filter.outputs);
  const Expr sum1 = names.bind(m[1] + m[2]), difference1 = names.bind(m[1] - m[2]);
  const Expr sum2 = names.bind(m[3] + m[4]), difference2 = names.bind(m[3] - m[4]);
  return names.use({m[0] + sum1 + sum2, scale_add(2, difference2, difference1),
                    scale_add(4, sum2, sum1), scale_add(8, difference2, difference1) + m[5]},
                   use);
}

Stmt transform_square(WinogradFilter filter, TransformRows transform, int64_t from, int64_t to,
                      kernel::Type type, const std::function<Expr(int64_t, int64_t)>& load,
                      const std::function<Stmt(int64_t, int64_t, const Expr&)>& use) {
  const kernel::Buffer half =
      kernel::make_buffer("half", type, kernel::Space::registers, to * from);
  std::vector<Stmt> body;
  for (int64_t column = 0; column < from; ++column) {
    std::vector<Expr> values;
    for (int64_t row = 0; row < from; ++row) values.push_back(load(row, column));
    body.push_back(transform(filter, values, [&](int64_t row, const Expr& value) {
      return kernel::store(half, number(row * from + column), value);
    }));
  }
  for (int64_t row = 0; row < to; ++row) {
    std::vector<Expr> values;
    for (int64_t column = 0; column < from; ++column)
      values.push_back(kernel::load(half, number(row * from + column)));
    body.push_back(transform(filter, values, [&](int64_t column, const Expr& value) {
      return use(row, column, value);
    }));
  }
  return kernel::allocate(half, kernel::block(std::move(body)));
}

}  // namespace tempera::lower
