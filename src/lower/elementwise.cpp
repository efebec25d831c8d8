#include "lower/elementwise.h"

#include <limits>
#include <numbers>

#include "graph/attribute.h"

namespace tempera::lower {

using graph::Node;
using graph::Op;
using kernel::BinaryOp;
using kernel::Expr;
using kernel::Intrinsic;

namespace {

Expr number(const Expr& like, double value) {
  return kernel::constant(like->type.element(), value);
}
Expr apply(Intrinsic intrinsic, const Expr& x) { return kernel::call(intrinsic, {x}); }
Expr negated(const Expr& x) { return kernel::unary(kernel::UnaryOp::neg, x); }
Expr inverted(const Expr& x) { return kernel::unary(kernel::UnaryOp::logical_not, x); }
Expr differ(const Expr& a, const Expr& b) { return kernel::binary(BinaryOp::ne, a, b); }
Expr is_nan(const Expr& x) { return differ(x, x); }
Expr is_negative(const Expr& x) { return x < number(x, 0); }

// Kernel division rounds down and traps on zero; a graph's truncates, x / 0 is 0, and the smallest
// number / -1 wraps.
Expr divided_integers(const Expr& a, const Expr& b) {
  const Expr zero = b == number(b, 0);
  const Expr minus_one = b == number(b, -1);
  const Expr safe = select(kernel::binary(BinaryOp::bit_or, zero, minus_one), number(b, 1), b);
  const Expr down = a / safe;
  const Expr inexact = differ(down * safe, a) && differ(is_negative(a), is_negative(safe));
  const Expr truncated = select(inexact, down + number(a, 1), down);
  return select(zero, number(a, 0), select(minus_one, number(a, 0) - a, truncated));
}

Expr remainder_of_integers(const Expr& a, const Expr& b, bool sign_of_dividend) {
  const Expr none =
      kernel::binary(BinaryOp::bit_or, b == number(b, 0), b == number(b, -1));  // x % -1 is 0 too
  const Expr safe = select(none, number(b, 1), b);
  const Expr down = a % safe;
  if (!sign_of_dividend) return select(none, number(a, 0), down);
  const Expr opposite = differ(down, number(a, 0)) && differ(is_negative(a), is_negative(safe));
  return select(none, number(a, 0), select(opposite, down - safe, down));
}

// By squaring. Exponents above 63, whose powers of anything but -1, 0 and 1 overflow, count as 62
// or 63.
Expr power_of_integers(const Expr& base, const Expr& exponent) {
  const Expr large = number(exponent, 63) < exponent;
  const Expr clamped =
      select(large, exponent % number(exponent, 2) + number(exponent, 62), exponent);
  const Expr negative = is_negative(exponent);
  Expr rest = select(negative, number(exponent, 0), clamped);
  Expr square = base;
  Expr result = number(base, 1);
  for (int bit = 0; bit < 6; ++bit) {
    result = select(rest % number(rest, 2) == number(rest, 1), result * square, result);
    rest = rest / number(rest, 2);
    square = square * square;
  }
  const Expr odd = exponent % number(exponent, 2) == number(exponent, 1);
  const Expr of_minus_one = select(odd, number(base, -1), number(base, 1));
  const Expr reciprocal = select(base == number(base, 1), number(base, 1),
                                 select(base == number(base, -1), of_minus_one, number(base, 0)));
  return select(negative, reciprocal, result);
}

Expr truncated(const Expr& x) {
  return select(is_negative(x), apply(Intrinsic::ceil, x), apply(Intrinsic::floor, x));
}

Expr remainder_of_floats(const Expr& a, const Expr& b, bool sign_of_dividend) {
  const Expr quotient = truncated(a / b);
  const Expr exact = fma(negated(quotient), b, a);
  // A quotient that was rounded up leaves a remainder on the wrong side of zero.
  const Expr step = select(differ(is_negative(a), is_negative(b)), negated(b), b);
  const Expr overshot = differ(exact, number(a, 0)) && differ(is_negative(exact), is_negative(a));
  const Expr rest = select(quotient == number(a, 0), a, select(overshot, exact + step, exact));
  if (sign_of_dividend) return rest;
  const Expr opposite = differ(rest, number(a, 0)) && differ(is_negative(rest), is_negative(b));
  return select(opposite, rest + b, rest);
}

Expr power_of_floats(const Expr& base, const Expr& exponent) {
  const Expr& e = exponent;
  if (is_constant(e, 2)) return base * base;
  if (is_constant(e, 1)) return base;
  const Expr size = apply(Intrinsic::exp, e * apply(Intrinsic::log, apply(Intrinsic::abs, base)));
  const Expr half = e * number(e, 0.5);
  const Expr odd = differ(apply(Intrinsic::floor, half), half);
  const Expr whole = apply(Intrinsic::floor, e) == e;
  const Expr nan = number(base, std::numeric_limits<double>::quiet_NaN());
  const Expr of_negative = select(whole, select(odd, negated(size), size), nan);
  const Expr power = select(is_negative(base), of_negative, size);
  const Expr one = kernel::binary(BinaryOp::bit_or, e == number(e, 0), base == number(base, 1));
  return select(one, number(base, 1), power);
}

Expr sigmoid(const Expr& x) {
  return number(x, 1) / (number(x, 1) + apply(Intrinsic::exp, negated(x)));
}

// x * sigmoid(factor x), whose limit at -infinity is 0.
Expr gated(const Expr& x, double factor) {
  const Expr lowest = number(x, std::numeric_limits<float>::lowest());
  const Expr finite = select(x < lowest, lowest, x);
  const Expr power = factor == 1 ? negated(finite) : finite * number(x, -factor);
  return finite / (number(x, 1) + apply(Intrinsic::exp, power));
}

Expr gelu(const Expr& x, bool tanh) {
  const Expr half = x * number(x, 0.5);
  if (!tanh)
    return half * (number(x, 1) + apply(Intrinsic::erf, x * number(x, 1 / std::numbers::sqrt2)));
  const double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
  const Expr inner = x * fma(x * x, number(x, 0.044715 * root), number(x, root));
  return half * (number(x, 1) + apply(Intrinsic::tanh, inner));
}

Expr sign(const Expr& x) {
  const Expr positive = select(number(x, 0) < x, number(x, 1), number(x, 0));
  const Expr result = select(is_negative(x), number(x, -1), positive);
  return is_float(x->type.dtype) ? select(is_nan(x), x, result) : result;
}

Expr smaller_or_nan(const Expr& a, const Expr& b) {
  return is_float(a->type.dtype) ? select(is_nan(a), a, min(a, b)) : min(a, b);
}
Expr larger_or_nan(const Expr& a, const Expr& b) {
  return is_float(a->type.dtype) ? select(is_nan(a), a, max(a, b)) : max(a, b);
}

Expr unary(const Node& node, const Expr& x) {
  switch (node.op) {
    case Op::neg:
      return is_float(x->type.dtype) ? negated(x) : number(x, 0) - x;
    case Op::abs:
      return is_float(x->type.dtype) ? apply(Intrinsic::abs, x)
                                     : select(is_negative(x), number(x, 0) - x, x);
    case Op::sqrt:
      return apply(Intrinsic::sqrt, x);
    case Op::rsqrt:
      return apply(Intrinsic::rsqrt, x);
    case Op::reciprocal:
      return number(x, 1) / x;
    case Op::exp:
      return apply(Intrinsic::exp, x);
    case Op::log:
      return apply(Intrinsic::log, x);
    case Op::sin:
      return apply(Intrinsic::sin, x);
    case Op::cos:
      return apply(Intrinsic::cos, x);
    case Op::tanh:
      return apply(Intrinsic::tanh, x);
    case Op::erf:
      return apply(Intrinsic::erf, x);
    case Op::floor:
      return apply(Intrinsic::floor, x);
    case Op::ceil:
      return apply(Intrinsic::ceil, x);
    case Op::round:
      return apply(Intrinsic::round, x);
    case Op::sign:
      return sign(x);
    case Op::relu:
      return larger_or_nan(x, number(x, 0));
    case Op::sigmoid:
      return sigmoid(x);
    case Op::silu:
      return gated(x, 1);
    case Op::gelu:
      return gelu(x, graph::int_attribute(node, "tanh") != 0);
    case Op::quick_gelu:
      return gated(x, 1.702);
    default:
      CHECK(false, "{} is no arithmetic of one operand", name(node.op));
  }
}

Expr binary(const Node& node, const Expr& a, const Expr& b) {
  const bool floats = is_float(a->type.dtype);
  switch (node.op) {
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
      return a * b;
    case Op::div:
      return floats ? a / b : divided_integers(a, b);
    case Op::mod: {
      const bool fmod = graph::int_attribute(node, "fmod") != 0;
      return floats ? remainder_of_floats(a, b, fmod) : remainder_of_integers(a, b, fmod);
    }
    case Op::pow:
      return floats ? power_of_floats(a, b) : power_of_integers(a, b);
    case Op::minimum:
      return smaller_or_nan(a, b);
    case Op::maximum:
      return larger_or_nan(a, b);
    default:
      CHECK(false, "{} is no arithmetic of two operands", name(node.op));
  }
}

// Arithmetic is done in f32 (f64 for f64) or i64, whose overflow wraps, and then narrowed.
Expr widened(const Expr& x) {
  const DType dtype = x->type.dtype;
  if (is_float(dtype)) return dtype == DType::f64 ? x : cast(DType::f32, x);
  return cast(DType::i64, x);
}

Expr comparable(const Expr& x) { return x->type.dtype == DType::boolean ? cast(DType::i32, x) : x; }

}  // namespace

Expr elementwise(const Node& node, std::span<const Expr> args, DType result) {
  switch (node.op) {
    case Op::equal:
      return comparable(args[0]) == comparable(args[1]);
    case Op::less:
      return comparable(args[0]) < comparable(args[1]);
    case Op::less_or_equal:
      return comparable(args[0]) <= comparable(args[1]);
    case Op::logical_and:
      return args[0] && args[1];
    case Op::logical_or:
      return kernel::binary(BinaryOp::bit_or, args[0], args[1]);
    case Op::logical_not:
      return inverted(args[0]);
    case Op::where:
      return select(args[0], args[1], args[2]);
    case Op::cast:
      return cast(result, args[0]);
    default:
      break;
  }
  const Expr value = args.size() == 1 ? unary(node, widened(args[0]))
                                      : binary(node, widened(args[0]), widened(args[1]));
  return cast(result, value);
}

}  // namespace tempera::lower
