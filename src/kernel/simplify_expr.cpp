#include "kernel/simplify_expr.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "kernel/fold.h"
#include "kernel/mutate.h"
#include "kernel/simplify_match.h"
#include "kernel/simplify_rules.h"

namespace tempera::kernel {

size_t ExprSimplifier::Hash::operator()(const Expr& e) const {
  size_t hash = static_cast<size_t>(e->kind);
  const auto mix = [&](size_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
  };
  mix(static_cast<size_t>(e->type.dtype) * 4096 + static_cast<size_t>(e->type.lanes));
  mix(static_cast<size_t>(e->unary_op) + static_cast<size_t>(e->binary_op) * 16 +
      static_cast<size_t>(e->intrinsic) * 256);
  mix(static_cast<size_t>(e->integer));
  mix(std::bit_cast<uint64_t>(e->number));
  mix(std::bit_cast<size_t>(e->kind == ExprKind::variable ? static_cast<const void*>(e.get())
                                                          : e->buffer.get()));
  for (const Expr& arg : e->args) mix(std::bit_cast<size_t>(arg.get()));
  return hash;
}

bool ExprSimplifier::Equal::operator()(const Expr& a, const Expr& b) const {
  if (a.same_as(b)) return true;
  if (a->kind != b->kind || a->kind == ExprKind::variable || a->type != b->type ||
      a->unary_op != b->unary_op || a->binary_op != b->binary_op || a->intrinsic != b->intrinsic ||
      a->integer != b->integer ||
      std::bit_cast<uint64_t>(a->number) != std::bit_cast<uint64_t>(b->number) ||
      a->buffer != b->buffer)
    return false;
  return std::ranges::equal(a->args, b->args,
                            [](const Expr& x, const Expr& y) { return x.same_as(y); });
}

Expr ExprSimplifier::unique(const Expr& e) {
  if (order_.contains(e.get())) return e;
  std::vector<Expr> args;
  args.reserve(e->args.size());
  for (const Expr& arg : e->args) args.push_back(unique(arg));
  const auto [place, fresh] = unique_.insert(with_args(e, std::move(args)));
  if (!fresh) return *place;
  Order order{-1, static_cast<int>(order_.size())};
  if (e->kind == ExprKind::variable) order.latest_variable = order.appearance;
  for (const Expr& arg : (*place)->args)
    order.latest_variable = std::max(order.latest_variable, order_of(arg).latest_variable);
  order_.emplace(place->get(), order);
  return *place;
}

Expr ExprSimplifier::simplify(const Expr& e) {
  if (!e.defined()) return e;
  if (const auto found = done_.find(e.get()); found != done_.end()) return found->second;
  if (const auto value = values_.find(e.get()); value != values_.end()) return value->second;
  std::vector<Expr> args;
  args.reserve(e->args.size());
  for (const Expr& arg : e->args) args.push_back(simplify(arg));
  Expr node = unique(with_args(e, std::move(args)));
  Expr result;
  if (const auto found = done_.find(node.get()); found != done_.end()) {
    result = found->second;
  } else {
    const Expr next = rewritten(node);
    result = next.defined() && !next.same_as(node) ? simplify(next) : node;
    done_.insert_or_assign(node.get(), result);
  }
  sources_.emplace(e.get(), e);
  done_.insert_or_assign(e.get(), result);
  return result;
}

Expr ExprSimplifier::rewritten(const Expr& e) {
  if (e->kind == ExprKind::variable) {
    if (!is_float(e->type.dtype) && e->type.is_scalar())
      if (const Range range = ranges_.of(e); range.is_single())
        return constant_int(e->type, range.min);
    return {};
  }
  if (e->args.empty()) return {};
  if (Expr out = fold(e); out.defined()) return out;
  if (Expr out = lift_broadcast(e); out.defined()) return out;
  switch (e->kind) {
    case ExprKind::ramp:
      return is_constant(e->args[1], 0) ? repeat(e->args[0], e->type.lanes) : Expr();
    case ExprKind::extract:
      return rewrite_lanes(e);
    case ExprKind::load:
      return rewrite_access(e);
    case ExprKind::select:
      if (Expr out = rewrite_select(e); out.defined()) return out;
      break;
    case ExprKind::call:
      return rewrite_lanes(e);
    case ExprKind::unary:
    case ExprKind::binary:
      if (Expr out = rewrite_by_range(e); out.defined()) return out;
      if (is_index(e))
        if (Expr out = e->type.is_scalar() ? rewrite_scalar_index(e) : rewrite_ramps(e);
            out.defined())
          return out;
      break;
    default:
      return {};
  }
  return apply_rules(e, [&](const Expr& condition) { return prove(condition); });
}

bool ExprSimplifier::prove(const Expr& condition) {
  const int64_t* value = as_bool(simplify(condition));
  return value && *value;
}

// --- ranges ---

// The range of a - b over all lanes, where it takes terms together; only of indices.
bool ExprSimplifier::difference(const Expr& a, const Expr& b, Range& out) {
  Lanes x{a, 0};
  Lanes y{b, 0};
  if (!a->type.is_scalar() && (!as_lanes(a, x) || !as_lanes(b, y))) return false;
  const Expr stride = simplify(x.stride - y.stride);
  const std::optional<Linear> from = linear_of(x.base);
  const std::optional<Linear> to = linear_of(y.base);
  if (!from || !to) return false;
  Linear sum = *from;
  sum.add(*to, -1);
  out = kernel::range_of(sum, ranges_);
  if (!a->type.is_scalar()) out = out + ranges_.of(stride) * Range{0, a->type.lanes - 1, 1, 0};
  return true;
}

Expr ExprSimplifier::rewrite_by_range(const Expr& e) {
  if (is_integer(e->type.dtype))
    if (const Range range = ranges_.of(e); range.is_single())
      return constant_int(e->type, range.min);
  if (e->kind != ExprKind::binary || is_float(e->args[0]->type.dtype)) return {};
  const Expr& a = e->args[0];
  const Expr& b = e->args[1];
  Range d;
  if (!is_index(a) || !difference(a, b, d)) {
    if (a->type.dtype == DType::boolean) return {};
    d = ranges_.of(a) - ranges_.of(b);
  }
  const auto truth = [&](bool value) { return constant_int(e->type, value); };
  const bool never_equal = !d.contains(0);
  const bool equal = d.is_single() && d.min == 0;
  switch (e->binary_op) {
    case BinaryOp::lt:
      return d.max < 0 ? truth(true) : d.min >= 0 ? truth(false) : Expr();
    case BinaryOp::le:
      return d.max <= 0 ? truth(true) : d.min > 0 ? truth(false) : Expr();
    case BinaryOp::eq:
      return equal ? truth(true) : never_equal ? truth(false) : Expr();
    case BinaryOp::ne:
      return equal ? truth(false) : never_equal ? truth(true) : Expr();
    case BinaryOp::min:
      return d.max <= 0 ? a : d.min >= 0 ? b : Expr();
    case BinaryOp::max:
      return d.min >= 0 ? a : d.max <= 0 ? b : Expr();
    case BinaryOp::mod: {
      const int64_t* divisor = as_uniform_int(b);
      const Range numerator = ranges_.of(a);
      const bool inside = divisor && numerator.min >= 0 && numerator.max < *divisor;
      return inside ? a : Expr();
    }
    default:
      return {};
  }
}

// --- what is known ---

void ExprSimplifier::define(const Expr& variable, const Expr& value) {
  if (done_.erase(variable.get())) done_.clear();
  sources_.emplace(variable.get(), variable);
  values_.insert_or_assign(variable.get(), value);
}

void ExprSimplifier::define(const Expr& variable, const Range& range) {
  unique(variable);
  values_.erase(variable.get());
  const auto known = ranges_.known().find(variable.get());
  if (known != ranges_.known().end() && known->second == range) return;
  if (done_.contains(variable.get())) done_.clear();
  ranges_.know(variable, range);
}

void ExprSimplifier::assume(const Expr& condition) {
  const Expr e = simplify(condition);
  if (is_binary(e, BinaryOp::bit_and)) {
    assume(e->args[0]);
    assume(e->args[1]);
    return;
  }
  const bool comparison = e->kind == ExprKind::binary && is_comparison(e->binary_op) &&
                          e->binary_op != BinaryOp::ne && is_index(e->args[0]) &&
                          e->type.is_scalar();
  if (!comparison) return;
  std::optional<Linear> a = linear_of(e->args[0]);
  const std::optional<Linear> b = linear_of(e->args[1]);
  if (!a || !b) return;
  // a - b <= limit, and for an equality also >= 0: each term is bounded by the least of the others.
  a->add(*b, -1);
  const int64_t limit = e->binary_op == BinaryOp::lt ? -1 : 0;
  for (const Linear::Term& term : a->terms) {
    Linear others = *a;
    others.add(term.node, -term.coefficient);
    const Range rest = kernel::range_of(others, ranges_);
    Range range = ranges_.of(term.node);
    const auto bound = [&](int64_t most, bool from_above) {  // coefficient * node <= most, or >=
      if ((term.coefficient > 0) == from_above)
        range.max = std::min(range.max, floor_div(most, term.coefficient));
      else
        range.min = std::max(range.min, -floor_div(-most, term.coefficient));
    };
    bound(limit - rest.min, true);
    if (e->binary_op == BinaryOp::eq) bound(-rest.max, false);
    if (range.min <= range.max) ranges_.know(term.node, range);
  }
  done_.clear();
}

ExprSimplifier::Scope::Scope(ExprSimplifier& of)
    : of_(of),
      done_(std::exchange(of.done_, {})),
      ranges_(std::exchange(of.ranges_, RangeAnalysis(of.ranges_.known()))) {}

ExprSimplifier::Scope::~Scope() {
  of_.done_ = std::move(done_);
  of_.ranges_ = std::move(ranges_);
}

}  // namespace tempera::kernel
