#include "lower/schedules/iterate.h"

#include <algorithm>
#include <bit>

#include "kernel/simplify.h"

namespace tempera::lower {

using kernel::Expr;
using kernel::Stmt;

int fit_lanes(const Target& target, int64_t extent) {
  const auto needed = std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(extent, 1)));
  return static_cast<int>(std::min<uint64_t>(needed, target.lanes(4)));
}

Stmt vectors(const std::string& name, int64_t extent, int lanes, const VectorBody& body) {
  std::vector<Stmt> parts;
  const int64_t whole = extent / lanes;
  if (whole == 1) parts.push_back(body(kernel::ramp(0, 1, lanes), {}));
  if (whole > 1)
    parts.push_back(kernel::serial(
        name, number(whole), [&](Expr i) { return body(kernel::ramp(i * lanes, 1, lanes), {}); }));
  if (const int64_t rest = extent % lanes; rest != 0) {
    const Expr lane = kernel::ramp(0, 1, lanes);
    parts.push_back(body(kernel::ramp(number(whole * lanes), 1, lanes), lane < number(rest)));
  }
  return kernel::block(std::move(parts));
}

void spread(Expr flat, const Shape& shape, const std::vector<int>& dims, Index& index) {
  int64_t inner = product(shape, dims);
  bool outermost = true;
  for (const int d : dims) {
    inner /= shape[d];
    if (shape[d] == 1) {
      index[d] = 0;
      continue;
    }
    const Expr above = inner == 1 ? flat : flat / number(inner);
    index[d] = kernel::simplify(outermost ? above : above % number(shape[d]));
    outermost = false;
  }
}

Stmt let_spread(Expr flat, const Shape& shape, const std::vector<int>& dims, Index index,
                const std::function<Stmt(const Index&)>& body) {
  spread(std::move(flat), shape, dims, index);
  std::vector<std::pair<Expr, Expr>> bound;
  for (const int d : dims) {
    if (index[d]->kind == kernel::ExprKind::variable || kernel::as_int(index[d])) continue;
    const Expr name = kernel::variable("d" + std::to_string(d));
    bound.emplace_back(name, index[d]);
    index[d] = name;
  }
  Stmt result = body(index);
  for (const auto& [name, value] : bound) result = kernel::let(name, value, std::move(result));
  return result;
}

Stmt grid_blocks(const std::string& name, int64_t extent, int64_t block,
                 const std::function<Stmt(Expr)>& body, kernel::Buffer scratch) {
  const auto allocated = [&](Stmt s) {
    return scratch ? kernel::allocate(scratch, std::move(s)) : s;
  };
  if (block == 1)
    return kernel::grid(name, number(extent), [&](Expr i) { return allocated(body(i)); });
  return kernel::grid(name + "_block", number(divide_up(extent, block)), [&](Expr g) {
    const Expr left = number(extent) - g * number(block);
    const Expr size = extent % block == 0 ? number(block) : kernel::min(number(block), left);
    return allocated(
        kernel::serial(name, size, [&](Expr i) { return body(g * number(block) + i); }));
  });
}

int64_t product(const Shape& shape, const std::vector<int>& dims) {
  int64_t result = 1;
  for (const int d : dims) result *= shape[d];
  return result;
}

Expr mask_below(const Expr& indices, int64_t extent, int64_t step) {
  if (extent % step == 0) return {};
  return indices < kernel::broadcast(number(extent), indices->type.lanes);
}

std::vector<kernel::Config> choices(const std::string& name, const std::vector<int64_t>& values) {
  std::vector<kernel::Config> configs;
  for (const int64_t value : values) configs.push_back({{{name, value}}});
  return configs;
}

}  // namespace tempera::lower
