#include <algorithm>
#include <numeric>

#include "kernel/simplify_expr.h"
#include "kernel/simplify_match.h"

namespace tempera::kernel {
namespace {

// x as t / divisor.
struct Quotient {
  Expr numerator;
  int64_t divisor;
};
Quotient as_quotient(const Expr& e) {
  if (is_binary(e, BinaryOp::div))
    if (const int64_t* divisor = as_uniform_int(e->args[1]); divisor && *divisor > 0)
      return {e->args[0], *divisor};
  return {e, 1};
}

}  // namespace

Expr ExprSimplifier::rewrite_scalar_index(const Expr& e) {
  if (e->kind == ExprKind::unary) return normal_sum(e);
  switch (e->binary_op) {
    case BinaryOp::add:
    case BinaryOp::sub:
    case BinaryOp::mul:
      return normal_sum(e);
    case BinaryOp::div:
      return normal_division(e, true);
    case BinaryOp::mod:
      return normal_division(e, false);
    default:
      return {};
  }
}

void ExprSimplifier::sort(Linear& linear) {
  for (Linear::Term& term : linear.terms) term.node = unique(term.node);
  std::ranges::sort(linear.terms, {},
                    [&](const Linear::Term& term) { return order_of(term.node); });
}

Expr ExprSimplifier::normal_sum(const Expr& e) {
  std::optional<Linear> sum = linear_of(e);
  if (!sum) return {};
  // A product of two unknowns is one term: itself, with its operands in order.
  if (sum->terms.size() == 1 && sum->terms[0].node.same_as(e)) {
    if (order_of(e->args[0]) <= order_of(e->args[1])) return {};
    return e->args[1] * e->args[0];
  }
  join_divisions(*sum);
  sort(*sum);
  if (!fits_i32(*sum)) return {};
  return unique(to_expr(*sum));
}

void ExprSimplifier::join_divisions(Linear& linear) {
  while (join_one(linear)) {
  }
}

// a (u % c) + a c (u / c) is a u, and a (u % c) + a c (u / c % d) is a (u % (c d)); u may itself be
// t / e, u / c then being t / (e c).
bool ExprSimplifier::join_one(Linear& linear) {
  for (const Linear::Term& low : linear.terms) {
    if (!is_binary(low.node, BinaryOp::mod)) continue;
    const int64_t* c = as_uniform_int(low.node->args[1]);
    if (!c || *c <= 0) continue;
    const Quotient u = as_quotient(low.node->args[0]);
    for (const Linear::Term& high : linear.terms) {
      if (high.node.same_as(low.node) || high.coefficient != low.coefficient * *c) continue;
      const bool bounded = is_binary(high.node, BinaryOp::mod);
      const int64_t* d = bounded ? as_uniform_int(high.node->args[1]) : nullptr;
      const Quotient q = as_quotient(bounded ? high.node->args[0] : high.node);
      if (!q.numerator.same_as(u.numerator) || q.divisor != u.divisor * *c) continue;
      if (bounded && (!d || *d <= 0 || *d > (int64_t{1} << 30) / *c)) continue;
      const Linear::Term from = low;
      const Linear::Term with = high;
      const Expr joined =
          bounded ? simplify(from.node->args[0] % static_cast<int>(*c * *d)) : from.node->args[0];
      linear.add(from.node, -from.coefficient);
      linear.add(with.node, -with.coefficient);
      if (const std::optional<Linear> parts = linear_of(joined))
        linear.add(*parts, from.coefficient);
      else
        linear.add(joined, from.coefficient);
      return true;
    }
  }
  return false;
}

Expr ExprSimplifier::normal_division(const Expr& e, bool quotient) {
  const int64_t* divisor = as_int(e->args[1]);
  if (!divisor || *divisor <= 0) return {};
  const std::optional<Linear> numerator = linear_of(e->args[0]);
  if (!numerator) return {};
  const Expr out = make_division(*numerator, *divisor, quotient);
  return out.defined() ? unique(out) : out;
}

// numerator = c m + r, so numerator / c = m + r / c and numerator % c = r % c. If r = g a + b with
// 0 <= b < g and g dividing c, then r / c = a / (c / g) and r % c = g (a % (c / g)) + b.
// Undefined where nothing of that applies.
Expr ExprSimplifier::make_division(const Linear& numerator, int64_t divisor, bool quotient) {
  const Split whole = split(numerator, divisor);
  const Range rest = kernel::range_of(whole.rest, ranges_);
  if (const int64_t block = floor_div(rest.min, divisor); block == floor_div(rest.max, divisor)) {
    Linear out = quotient ? whole.multiple : whole.rest;
    out.constant += quotient ? block : -block * divisor;
    return to_expr(out);
  }
  for (const Linear::Term& term : whole.rest.terms) {
    const int64_t step = std::gcd(term.coefficient, divisor);
    if (step == 1) continue;
    const Split parts = split(whole.rest, step);
    const Range low = kernel::range_of(parts.rest, ranges_);
    if (low.min < 0 || low.max >= step) continue;
    const Expr high = to_expr(parts.multiple);
    const auto by = static_cast<int>(divisor / step);
    if (quotient) return high / by + to_expr(whole.multiple);
    return high % by * static_cast<int>(step) + to_expr(parts.rest);
  }
  if (whole.multiple.terms.empty() && whole.multiple.constant == 0) return {};
  Linear ordered = whole.rest;
  sort(ordered);
  const Expr rest_expr = to_expr(ordered);
  const auto by = static_cast<int>(divisor);
  return quotient ? rest_expr / by + to_expr(whole.multiple) : rest_expr % by;
}

}  // namespace tempera::kernel
