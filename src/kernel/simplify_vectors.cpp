#include <algorithm>
#include <utility>

#include "kernel/mutate.h"
#include "kernel/simplify_expr.h"
#include "kernel/simplify_match.h"

namespace tempera::kernel {

// op(broadcast(a), broadcast(b)) is broadcast(op(a, b)).
Expr ExprSimplifier::lift_broadcast(const Expr& e) {
  const bool elementwise = e->kind == ExprKind::unary || e->kind == ExprKind::binary ||
                           e->kind == ExprKind::select || e->kind == ExprKind::cast ||
                           (e->kind == ExprKind::call && e->intrinsic < Intrinsic::reduce_add);
  if (!elementwise || e->type.is_scalar()) return {};
  std::vector<Expr> scalars;
  for (const Expr& arg : e->args) {
    if (arg->kind != ExprKind::broadcast) return {};
    scalars.push_back(arg->args[0]);
  }
  return broadcast(with_args(e, std::move(scalars)), e->type.lanes);
}

Expr ExprSimplifier::rewrite_lanes(const Expr& e) {
  const Expr& vector = e->args[0];
  if (e->kind == ExprKind::extract) {
    if (vector->kind == ExprKind::broadcast) return vector->args[0];
    if (vector->kind == ExprKind::ramp && is_index(vector)) {
      const auto lane = static_cast<int>(e->integer);
      const int row = vector->args[0]->type.lanes;
      return extract(vector->args[0], lane % row) + vector->args[1] * (lane / row);
    }
    return {};
  }
  const bool extreme =
      e->intrinsic == Intrinsic::reduce_max || e->intrinsic == Intrinsic::reduce_min;
  const bool reduction = extreme || e->intrinsic == Intrinsic::reduce_add;
  if (extreme && vector->kind == ExprKind::broadcast) return vector->args[0];
  return reduction && vector->type.is_scalar() ? vector : Expr();
}

Expr ExprSimplifier::make_ramp(const Expr& base, const Expr& stride, int lanes) {
  const Expr step = simplify(stride);
  return is_constant(step, 0) ? broadcast(base, lanes) : ramp(base, step, lanes);
}

Expr ExprSimplifier::rewrite_ramps(const Expr& e) {
  if (e->kind == ExprKind::unary) return normal_vector_sum(e);
  switch (e->binary_op) {
    case BinaryOp::add:
    case BinaryOp::sub:
      return normal_vector_sum(e);
    case BinaryOp::mul:
      break;
    case BinaryOp::div:
    case BinaryOp::mod:
      return divide_ramp(e);
    default:
      return {};
  }
  Lanes a;
  Lanes b;
  if (!as_lanes(e->args[0], a) || !as_lanes(e->args[1], b)) return normal_vector_sum(e);
  const int lanes = e->type.lanes;
  if (is_constant(b.stride, 0)) return make_ramp(a.base * b.base, a.stride * b.base, lanes);
  if (is_constant(a.stride, 0)) return make_ramp(a.base * b.base, b.stride * a.base, lanes);
  return {};
}

// A sum of index vectors: those that are no ramps, with their factors, then one ramp for all
// others.
Expr ExprSimplifier::normal_vector_sum(const Expr& e) {
  std::optional<Linear> sum = linear_of(e);
  if (!sum || (sum->terms.size() == 1 && sum->terms[0].node.same_as(e))) return {};
  join_divisions(*sum);
  if (!fits_i32(*sum)) return {};
  Linear others;
  Expr base(static_cast<int>(sum->constant));
  Expr stride(0);
  Lanes lanes;
  for (const Linear::Term& term : sum->terms) {
    if (as_lanes(term.node, lanes)) {
      base = base + lanes.base * static_cast<int>(term.coefficient);
      stride = stride + lanes.stride * static_cast<int>(term.coefficient);
    } else {
      others.add(term.node, term.coefficient);
    }
  }
  const Expr line = simplify(make_ramp(simplify(base), stride, e->type.lanes));
  if (others.terms.empty()) return line;
  sort(others);
  const int64_t* zero = as_uniform_int(line);
  return unique(zero && *zero == 0 ? to_expr(others) : to_expr(others) + line);
}

// ramp(b, s, n) by a constant c: where s is a multiple of c, and where no lane leaves b's block of
// c.
Expr ExprSimplifier::divide_ramp(const Expr& e) {
  Lanes a;
  if (!as_lanes(e->args[0], a) || e->args[1]->kind != ExprKind::broadcast) return {};
  const Expr& by = e->args[1]->args[0];
  const int64_t* divisor = as_int(by);
  const int64_t* stride = as_int(a.stride);
  if (!divisor || !stride || *divisor <= 0) return {};
  const int lanes = e->type.lanes;
  const bool quotient = e->binary_op == BinaryOp::div;
  if (*stride % *divisor == 0)
    return quotient ? make_ramp(a.base / by, Expr(static_cast<int>(*stride / *divisor)), lanes)
                    : broadcast(a.base % by, lanes);
  const Range first = ranges_.of(simplify(a.base % by));
  const int64_t reach = *stride * (lanes - 1);
  if (first.max + std::max<int64_t>(reach, 0) >= *divisor ||
      first.min + std::min<int64_t>(reach, 0) < 0)
    return {};
  return quotient ? broadcast(a.base / by, lanes) : ramp(a.base % by, a.stride, lanes);
}

Expr ExprSimplifier::rewrite_access(const Expr& e) {
  const Expr& index = e->args[0];
  if (e->args.size() > 1) {
    const int64_t* mask = as_bool(e->args[1]);
    if (mask) return *mask ? load(e->buffer, index) : constant_int(e->type, 0);
  }
  if (index->kind != ExprKind::broadcast) return {};
  if (e->args.size() == 1) return broadcast(load(e->buffer, index->args[0]), e->type.lanes);
  if (e->args[1]->kind != ExprKind::broadcast) return {};
  return broadcast(load(e->buffer, index->args[0], e->args[1]->args[0]), e->type.lanes);
}

Expr ExprSimplifier::rewrite_select(const Expr& e) {
  const int64_t* condition = as_bool(e->args[0]);
  return condition ? e->args[*condition ? 1 : 2] : Expr();
}

}  // namespace tempera::kernel
