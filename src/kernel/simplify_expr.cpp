#include "kernel/simplify_expr.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "kernel/fold.h"
#include "kernel/mutate.h"
#include "kernel/simplify_rules.h"

namespace tempera::kernel {
namespace {

constexpr Type kBool{DType::boolean, 1};

bool is_index(const Expr& e) { return e->type.dtype == DType::i32; }
bool is_binary(const Expr& e, BinaryOp op) {
  return e->kind == ExprKind::binary && e->binary_op == op;
}

// An index vector whose lanes are base + i * stride.
struct Lanes {
  Expr base, stride;
};
bool as_lanes(const Expr& e, Lanes& out) {
  if (e->kind == ExprKind::ramp && e->args[0]->type.is_scalar())
    out = {e->args[0], e->args[1]};
  else if (e->kind == ExprKind::broadcast)
    out = {e->args[0], Expr(0)};
  else
    return false;
  return is_index(e);
}

// The number of a bool constant in all lanes.
const int64_t* as_bool(const Expr& e) {
  const Expr& scalar = e->kind == ExprKind::broadcast ? e->args[0] : e;
  return scalar->kind == ExprKind::constant && scalar->type == kBool ? &scalar->integer : nullptr;
}

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

// --- vectors ---

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

// --- scalar indices ---

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
