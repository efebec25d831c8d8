#pragma once

#include <cstdint>
#include <unordered_map>

#include "kernel/expr.h"

namespace tempera::kernel {

// What is known of an integer or bool value, in every lane: min <= v <= max, and v mod modulus ==
// remainder, where 0 <= remainder < modulus. A single value has modulus 0 and is the remainder.
struct Range {
  int64_t min = 0;
  int64_t max = 0;
  int64_t modulus = 1;
  int64_t remainder = 0;

  static Range single(int64_t value) { return {value, value, 0, value}; }
  static Range of(DType dtype);  // all its values
  bool is_single() const { return min == max; }
  bool contains(int64_t value) const;
  bool operator==(const Range&) const = default;
};

// Exact arithmetic of the values, kept within int64 by saturation.
Range operator+(const Range& a, const Range& b);
Range operator*(const Range& a, const Range& b);
Range operator-(const Range& a, const Range& b);
Range floor_div(const Range& a, int64_t divisor);  // divisor > 0
Range floor_mod(const Range& a, int64_t divisor);
Range unite(const Range& a, const Range& b);
Range intersect(const Range& a, const Range& b);

int64_t floor_div(int64_t a, int64_t divisor);  // divisor != 0, and not INT64_MIN / -1
int64_t floor_mod(int64_t a, int64_t divisor);

using VariableRanges = std::unordered_map<const ExprNode*, Range>;

// Ranges of expressions from those of variables; each node is looked at once. i32 arithmetic is
// taken not to overflow. The expressions asked about must outlive this.
class RangeAnalysis {
 public:
  explicit RangeAnalysis(VariableRanges known = {}) : known_(std::move(known)) {}

  // Of an expression of integers or bools.
  Range of(const Expr& e);
  // Also for other nodes than variables: a fact that holds for as long as it is known here.
  void know(const Expr& e, const Range& range);
  const VariableRanges& known() const { return known_; }

 private:
  Range compute(const ExprNode& e);
  VariableRanges known_;
  std::unordered_map<const ExprNode*, Range> done_;
};

}  // namespace tempera::kernel
