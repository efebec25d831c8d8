#include "kernel/bounds.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace tempera::kernel {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

using Wide = __int128;

int64_t saturated(Wide value) {
  return static_cast<int64_t>(std::clamp<Wide>(value, kLeast, kMost));
}

int64_t remainder_of(Wide value, int64_t modulus) {
  if (modulus == 0) return saturated(value);
  return static_cast<int64_t>((value % modulus + modulus) % modulus);
}

// gcd with 0 as "a single value"; 1, knowing nothing, where numbers get too large to reason with.
int64_t common(Wide a, Wide b) {
  constexpr Wide kLimit = Wide{1} << 62;
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  if (a > kLimit || b > kLimit) return 1;
  return std::gcd(static_cast<int64_t>(a), static_cast<int64_t>(b));
}

Range normal(Range r) {
  if (r.min == r.max) return Range::single(r.min);
  if (r.modulus == 0) r.modulus = 1;
  r.remainder = remainder_of(r.remainder, r.modulus);
  return r;
}

bool within(const Range& inner, const Range& outer) {
  return inner.min >= outer.min && inner.max <= outer.max;
}

// A result of arithmetic in a dtype: i32 does not overflow, the others wrap and are then anything.
Range in_dtype(const Range& exact, DType dtype) {
  const Range all = Range::of(dtype);
  if (within(exact, all)) return exact;
  return dtype == DType::i32 ? intersect(exact, all) : all;
}

Range range_min(const Range& a, const Range& b) {
  const Range both = unite(a, b);
  return normal({std::min(a.min, b.min), std::min(a.max, b.max), both.modulus, both.remainder});
}

Range range_max(const Range& a, const Range& b) {
  const Range both = unite(a, b);
  return normal({std::max(a.min, b.min), std::max(a.max, b.max), both.modulus, both.remainder});
}

Range range_and(const Range& a, const Range& b, DType dtype) {
  if (dtype == DType::boolean) return {std::min(a.min, b.min) & 1, std::min(a.max, b.max), 1, 0};
  if (a.min >= 0 || b.min >= 0) {
    const int64_t limit = a.min < 0 ? b.max : b.min < 0 ? a.max : std::min(a.max, b.max);
    return normal({0, limit, 1, 0});
  }
  return Range::of(dtype);
}

}  // namespace

Range Range::of(DType dtype) {
  switch (dtype) {
    case DType::i32:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max(), 1, 0};
    case DType::i8:
      return {-128, 127, 1, 0};
    case DType::u8:
      return {0, 255, 1, 0};
    case DType::boolean:
      return {0, 1, 1, 0};
    default:
      return {kLeast, kMost, 1, 0};
  }
}

bool Range::contains(int64_t value) const {
  return value >= min && value <= max &&
         (modulus == 0 ? value == remainder : floor_mod(value, modulus) == remainder);
}

int64_t floor_div(int64_t a, int64_t divisor) {
  const int64_t quotient = a / divisor;
  return quotient - ((a % divisor != 0) && ((a < 0) != (divisor < 0)) ? 1 : 0);
}
int64_t floor_mod(int64_t a, int64_t divisor) {
  const int64_t remainder = a % divisor;
  return remainder != 0 && ((remainder < 0) != (divisor < 0)) ? remainder + divisor : remainder;
}

Range operator+(const Range& a, const Range& b) {
  return normal({saturated(Wide{a.min} + b.min), saturated(Wide{a.max} + b.max),
                 common(a.modulus, b.modulus), saturated(Wide{a.remainder} + b.remainder)});
}

Range operator*(const Range& a, const Range& b) {
  const Wide corners[] = {Wide{a.min} * b.min, Wide{a.min} * b.max, Wide{a.max} * b.min,
                          Wide{a.max} * b.max};
  // (m a + r)(n b + s) = m n a b + m s a + n r b + r s
  const int64_t modulus = common(common(Wide{a.modulus} * b.modulus, Wide{a.modulus} * b.remainder),
                                 Wide{b.modulus} * a.remainder);
  return normal({saturated(*std::ranges::min_element(corners)),
                 saturated(*std::ranges::max_element(corners)), modulus,
                 remainder_of(Wide{a.remainder} * b.remainder, modulus)});
}

Range operator-(const Range& a, const Range& b) { return a + b * Range::single(-1); }

Range floor_div(const Range& a, int64_t divisor) {
  Range out{floor_div(a.min, divisor), floor_div(a.max, divisor), 1, 0};
  if (a.modulus > 0 && a.modulus % divisor == 0) {
    out.modulus = a.modulus / divisor;
    out.remainder = a.remainder / divisor;
  }
  return normal(out);
}

Range floor_mod(const Range& a, int64_t divisor) {
  const int64_t block = floor_div(a.min, divisor);
  if (block == floor_div(a.max, divisor))
    return a + Range::single(saturated(-Wide{block} * divisor));
  const int64_t step = common(a.modulus, divisor);
  const int64_t first = floor_mod(a.remainder, step);
  return normal({first, divisor - step + first, step, first});
}

Range unite(const Range& a, const Range& b) {
  const int64_t modulus = common(common(a.modulus, b.modulus), Wide{a.remainder} - b.remainder);
  return normal({std::min(a.min, b.min), std::max(a.max, b.max), modulus, a.remainder});
}

Range intersect(const Range& a, const Range& b) {
  const Range& finer = a.modulus == 0 || (b.modulus != 0 && a.modulus >= b.modulus) ? a : b;
  Range out{std::max(a.min, b.min), std::min(a.max, b.max), finer.modulus, finer.remainder};
  // Nothing is left only where the code is not reached.
  if (out.min > out.max) return a;
  return normal(out);
}

void RangeAnalysis::know(const Expr& e, const Range& range) {
  known_[e.get()] = range;
  done_.clear();
}

Range RangeAnalysis::of(const Expr& e) {
  if (const auto found = done_.find(e.get()); found != done_.end()) return found->second;
  Range range = compute(*e);
  if (const auto fact = known_.find(e.get()); fact != known_.end())
    range = intersect(range, fact->second);
  done_.emplace(e.get(), range);
  return range;
}

Range RangeAnalysis::compute(const ExprNode& e) {
  const DType dtype = e.type.dtype;
  CHECK(!is_float(dtype), "the range of {}", to_string(e.type));
  const auto arg = [&](size_t i) { return of(e.args[i]); };
  switch (e.kind) {
    case ExprKind::constant:
      return Range::single(e.integer);
    case ExprKind::broadcast:
    case ExprKind::repeat:
    case ExprKind::extract:
      return arg(0);
    case ExprKind::ramp:
      return in_dtype(arg(0) + arg(1) * normal({0, e.type.lanes / e.args[0]->type.lanes - 1, 1, 0}),
                      dtype);
    case ExprKind::select:
      return unite(arg(1), arg(2));
    case ExprKind::cast: {
      if (is_float(e.args[0]->type.dtype)) return Range::of(dtype);
      const Range from = arg(0);
      return within(from, Range::of(dtype)) ? from : Range::of(dtype);
    }
    case ExprKind::unary:
      return dtype == DType::boolean ? Range::single(1) - arg(0)
                                     : in_dtype(Range::single(0) - arg(0), dtype);
    case ExprKind::binary:
      break;
    default:
      return Range::of(dtype);
  }
  if (is_comparison(e.binary_op)) return Range::of(dtype);
  const Range a = arg(0);
  const Range b = arg(1);
  const bool positive = b.is_single() && b.min > 0;
  switch (e.binary_op) {
    case BinaryOp::add:
      return in_dtype(a + b, dtype);
    case BinaryOp::sub:
      return in_dtype(a - b, dtype);
    case BinaryOp::mul:
      return in_dtype(a * b, dtype);
    case BinaryOp::div:
      return positive ? floor_div(a, b.min) : Range::of(dtype);
    case BinaryOp::mod:
      return positive ? floor_mod(a, b.min) : Range::of(dtype);
    case BinaryOp::min:
      return range_min(a, b);
    case BinaryOp::max:
      return range_max(a, b);
    case BinaryOp::bit_and:
      return range_and(a, b, dtype);
    case BinaryOp::shift_right:
      return b.is_single() && b.min >= 0 && b.min < 62 ? floor_div(a, int64_t{1} << b.min)
                                                       : Range::of(dtype);
    case BinaryOp::shift_left:
      return b.is_single() && b.min >= 0 && b.min < 31
                 ? in_dtype(a * Range::single(int64_t{1} << b.min), dtype)
                 : Range::of(dtype);
    default:
      return Range::of(dtype);
  }
}

}  // namespace tempera::kernel
