#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "kernel/expr.h"

namespace tempera::kernel {

// One rewrite rule, in the text form of expressions. x, y and z stand for any expression of the
// domain, b and d for bools, c0 and c1 for constants of the domain; a literal stands for that
// number in the domain's type. The condition must be provable for the rule to apply.
struct Rule {
  enum class Domain : uint8_t {
    index,    // i32, not overflowing
    integer,  // any integer, wrapping
    number,   // integers and floats
    boolean,  // operands are bools
  };
  std::string_view pattern, replacement;
  Domain domain;
  std::string_view condition = {};
};

// Rules that the linear form, ranges and lane rules of simplify() do not cover.
std::span<const Rule> simplify_rules();

// A rule's texts made expressions, over placeholder variables.
struct CompiledRule {
  const Rule* rule;
  Expr pattern, replacement, condition;  // the condition may be undefined
};
std::span<const CompiledRule> compiled_rules();

// What a rule's placeholders stand for; `dtype` is that of x, y, z and literals.
struct Bindings {
  static constexpr int kCount = 7;
  Expr values[kCount];
  DType dtype = DType::i32;
};
// A placeholder's place in Bindings, by its name: x y z b d c0 c1.
int placeholder(std::string_view name);
// The expression that a pattern, replacement or condition stands for.
Expr instantiate(const Expr& pattern, const Bindings& bindings);

// The first rule that applies to e, applied; undefined if none does. `prove` tells whether a bool
// expression is true.
Expr apply_rules(const Expr& e, const std::function<bool(const Expr&)>& prove);

}  // namespace tempera::kernel
