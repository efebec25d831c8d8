#include "kernel/linear.h"

#include <algorithm>

namespace tempera::kernel {
namespace {

constexpr size_t kMaxTerms = 16;
constexpr int64_t kMaxFactor = int64_t{1} << 31;

bool is_small(int64_t value) { return value > -kMaxFactor && value < kMaxFactor; }

void collect(const Expr& e, int64_t factor, Linear& out) {
  if (out.terms.size() > kMaxTerms) return;
  if (const int64_t* value = as_uniform_int(e)) {
    out.constant += factor * *value;
    return;
  }
  if (e->kind == ExprKind::unary) return collect(e->args[0], -factor, out);
  if (e->kind == ExprKind::binary) {
    const Expr& a = e->args[0];
    const Expr& b = e->args[1];
    if (e->binary_op == BinaryOp::add || e->binary_op == BinaryOp::sub) {
      collect(a, factor, out);
      return collect(b, e->binary_op == BinaryOp::add ? factor : -factor, out);
    }
    if (e->binary_op == BinaryOp::mul) {
      const int64_t* by = as_uniform_int(b);
      if (by && is_small(factor * *by)) return collect(a, factor * *by, out);
    }
  }
  out.add(e, factor);
}

Expr scaled(const Expr& e, int64_t factor) {
  return factor == 1 ? e : e * constant_int(Type{}, factor);
}

}  // namespace

void Linear::add(const Expr& node, int64_t coefficient) {
  for (size_t i = 0; i < terms.size(); ++i) {
    if (!terms[i].node.same_as(node)) continue;
    terms[i].coefficient += coefficient;
    if (terms[i].coefficient == 0) terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
  if (coefficient != 0) terms.push_back({node, coefficient});
}

void Linear::add(const Linear& other, int64_t factor) {
  constant += factor * other.constant;
  for (const Term& term : other.terms) add(term.node, factor * term.coefficient);
}

int64_t Linear::coefficient_of(const ExprNode* node) const {
  for (const Term& term : terms)
    if (term.node.get() == node) return term.coefficient;
  return 0;
}

const int64_t* as_uniform_int(const Expr& e) {
  return as_int(e->kind == ExprKind::broadcast ? e->args[0] : e);
}

bool fits_i32(const Linear& linear) {
  return is_small(linear.constant) &&
         std::ranges::all_of(linear.terms,
                             [](const Linear::Term& term) { return is_small(term.coefficient); });
}

std::optional<Linear> linear_of(const Expr& e) {
  Linear out;
  collect(e, 1, out);
  if (out.terms.size() > kMaxTerms || !fits_i32(out)) return std::nullopt;
  return out;
}

Expr to_expr(const Linear& linear) {
  Expr sum;
  // A sum starts with a term that is added, if there is one.
  const auto first =
      std::ranges::find_if(linear.terms, [](const Linear::Term& t) { return t.coefficient > 0; });
  if (first != linear.terms.end())
    sum = scaled(first->node, first->coefficient);
  else if (linear.constant > 0 || linear.terms.empty())
    sum = constant_int(Type{}, linear.constant);
  const bool constant_leads = sum.defined() && first == linear.terms.end();
  for (auto term = linear.terms.begin(); term != linear.terms.end(); ++term) {
    if (term == first) continue;
    if (!sum.defined())
      sum = scaled(term->node, term->coefficient);
    else if (term->coefficient > 0)
      sum = sum + scaled(term->node, term->coefficient);
    else
      sum = sum - scaled(term->node, -term->coefficient);
  }
  if (constant_leads || linear.constant == 0) return sum;
  return linear.constant > 0 ? sum + constant_int(Type{}, linear.constant)
                             : sum - constant_int(Type{}, -linear.constant);
}

Range range_of(const Linear& linear, RangeAnalysis& ranges) {
  Range sum = Range::single(linear.constant);
  for (const Linear::Term& term : linear.terms)
    sum = sum + ranges.of(term.node) * Range::single(term.coefficient);
  return sum;
}

Split split(const Linear& linear, int64_t divisor) {
  Split out;
  for (const Linear::Term& term : linear.terms) {
    if (term.coefficient % divisor == 0)
      out.multiple.terms.push_back({term.node, term.coefficient / divisor});
    else
      out.rest.terms.push_back(term);
  }
  out.multiple.constant = floor_div(linear.constant, divisor);
  out.rest.constant = floor_mod(linear.constant, divisor);
  return out;
}

}  // namespace tempera::kernel
