#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernel/bounds.h"
#include "kernel/expr.h"

namespace tempera::kernel {

// A scalar i32 expression as a sum: constant + coefficient * node + ... Each node stands once;
// nodes are told apart by identity, so equal ones should be the same node.
struct Linear {
  struct Term {
    Expr node;
    int64_t coefficient;
  };
  std::vector<Term> terms;  // in the order in which they came; no coefficient is 0
  int64_t constant = 0;

  void add(const Expr& node, int64_t coefficient);
  void add(const Linear& other, int64_t factor);
  int64_t coefficient_of(const ExprNode* node) const;  // 0 if it is no term
};

// Takes sums, differences, negations and products with constants apart. Nothing if that gives more
// than 16 terms or numbers that are no i32: such an expression is no index arithmetic.
std::optional<Linear> linear_of(const Expr& e);
bool fits_i32(const Linear& linear);
// The value of an integer constant or a broadcast one.
const int64_t* as_uniform_int(const Expr& e);
// The same sum as an expression: a * c + b - 1; a scalar constant if there are no terms.
Expr to_expr(const Linear& linear);
Range range_of(const Linear& linear, RangeAnalysis& ranges);

// The two parts of linear = divisor * multiple + rest, termwise: the rest has the terms whose
// coefficients divisor does not divide, and the constant's remainder.
struct Split {
  Linear multiple, rest;
};
Split split(const Linear& linear, int64_t divisor);

}  // namespace tempera::kernel
