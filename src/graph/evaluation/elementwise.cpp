#include <cmath>
#include <limits>
#include <numbers>

#include "graph/evaluation/array.h"

namespace tempera::graph::evaluation {

namespace {

using Float = double;
using Integer = int64_t;

// Arithmetic on the bits, so that it wraps.
uint64_t bits(Integer x) { return static_cast<uint64_t>(x); }
Integer negated(Integer x) { return static_cast<Integer>(-bits(x)); }

Integer divided(Integer a, Integer b) {
  if (b == 0) return 0;
  return b == -1 ? negated(a) : a / b;
}

Integer remainder(Integer a, Integer b, bool sign_of_dividend) {
  if (b == 0 || b == -1) return 0;
  Integer r = a % b;
  return !sign_of_dividend && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Float remainder(Float a, Float b, bool sign_of_dividend) {
  Float r = std::fmod(a, b);
  return !sign_of_dividend && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Integer power(Integer base, Integer exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
  uint64_t result = 1;
  for (uint64_t square = bits(base); exponent > 0; exponent /= 2, square *= square)
    if (exponent % 2) result *= square;
  return static_cast<Integer>(result);
}

Float binary(Op op, bool fmod, Float a, Float b) {
  switch (op) {
    case Op::add:
      return a + b;
    case Op::sub:
      return a - b;
    case Op::mul:
      return a * b;
    case Op::div:
      return a / b;
    case Op::mod:
      return remainder(a, b, fmod);
    case Op::pow:
      return std::pow(a, b);
    case Op::minimum:
      return std::isnan(a) || a < b ? a : b;
    case Op::maximum:
      return std::isnan(a) || a > b ? a : b;
    default:
      CHECK(false, "{} of floats", name(op));
  }
}

Integer binary(Op op, bool fmod, Integer a, Integer b) {
  switch (op) {
    case Op::add:
      return static_cast<Integer>(bits(a) + bits(b));
    case Op::sub:
      return static_cast<Integer>(bits(a) - bits(b));
    case Op::mul:
      return static_cast<Integer>(bits(a) * bits(b));
    case Op::div:
      return divided(a, b);
    case Op::mod:
      return remainder(a, b, fmod);
    case Op::pow:
      return power(a, b);
    case Op::minimum:
      return std::min(a, b);
    case Op::maximum:
      return std::max(a, b);
    case Op::logical_and:
      return a & b;
    case Op::logical_or:
      return a | b;
    default:
      CHECK(false, "{} of integers", name(op));
  }
}

template <typename T>
Integer compared(Op op, T a, T b) {
  switch (op) {
    case Op::equal:
      return a == b;
    case Op::less:
      return a < b;
    default:
      return a <= b;
  }
}

Float sigmoid(Float x) { return 1 / (1 + std::exp(-x)); }

Float gelu(Float x, bool tanh) {
  if (!tanh) return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2;
  Float inner = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
  return x * (1 + std::tanh(inner)) / 2;
}

Float sign(Float x) { return std::isnan(x) ? x : (x > 0) - (x < 0); }

Float unary(Op op, bool tanh, Float x) {
  switch (op) {
    case Op::neg:
      return -x;
    case Op::abs:
      return std::abs(x);
    case Op::sqrt:
      return std::sqrt(x);
    case Op::rsqrt:
      return 1 / std::sqrt(x);
    case Op::reciprocal:
      return 1 / x;
    case Op::exp:
      return std::exp(x);
    case Op::log:
      return std::log(x);
    case Op::sin:
      return std::sin(x);
    case Op::cos:
      return std::cos(x);
    case Op::tanh:
      return std::tanh(x);
    case Op::erf:
      return std::erf(x);
    case Op::floor:
      return std::floor(x);
    case Op::ceil:
      return std::ceil(x);
    case Op::round:
      return std::nearbyint(x);
    case Op::sign:
      return sign(x);
    case Op::relu:
      return std::isnan(x) || x > 0 ? x : 0;
    case Op::sigmoid:
      return sigmoid(x);
    case Op::silu:
      return x * sigmoid(x);
    case Op::gelu:
      return gelu(x, tanh);
    case Op::quick_gelu:
      return x * sigmoid(1.702 * x);
    default:
      CHECK(false, "{} of a float", name(op));
  }
}

Integer unary(Op op, bool, Integer x) {
  switch (op) {
    case Op::neg:
      return negated(x);
    case Op::abs:
      return x < 0 ? negated(x) : x;
    case Op::sign:
      return (x > 0) - (x < 0);
    case Op::relu:
      return std::max<Integer>(x, 0);
    case Op::logical_not:
      return !x;
    default:
      CHECK(false, "{} of an integer", name(op));
  }
}

template <typename T>
T lowest(DType to) {
  switch (to) {
    case DType::i64:
      return static_cast<T>(std::numeric_limits<int64_t>::min());
    case DType::i32:
      return std::numeric_limits<int32_t>::min();
    case DType::i8:
      return std::numeric_limits<int8_t>::min();
    default:
      return 0;
  }
}

Integer highest(DType to) {
  switch (to) {
    case DType::i64:
      return std::numeric_limits<int64_t>::max();
    case DType::i32:
      return std::numeric_limits<int32_t>::max();
    case DType::i8:
      return std::numeric_limits<int8_t>::max();
    default:
      return std::numeric_limits<uint8_t>::max();
  }
}

Integer truncated(Float x, DType to) {
  if (to == DType::boolean) return x != 0;
  if (std::isnan(x)) return 0;
  if (x >= static_cast<Float>(highest(to))) return highest(to);
  if (x <= lowest<Float>(to)) return lowest<Integer>(to);
  return static_cast<Integer>(x);
}

template <typename To, typename From, typename Function>
Array mapped(const Array& x, Function function) {
  const auto& elements = std::get<std::vector<From>>(x.elements);
  std::vector<To> result(elements.size());
  for (size_t i = 0; i < result.size(); ++i) result[i] = function(elements[i]);
  return {x.shape, std::move(result)};
}

Array cast(const Array& x, DType to) {
  if (is_float(to) && x.is_float()) return x;
  if (is_float(to))
    return mapped<Float, Integer>(x, [](Integer v) { return static_cast<Float>(v); });
  if (x.is_float()) return mapped<Integer, Float>(x, [to](Float v) { return truncated(v, to); });
  return mapped<Integer, Integer>(x, [to](Integer v) { return wrapped(v, to); });
}

template <typename T>
Array unary(const Call& call) {
  bool tanh = call.node.op == Op::gelu && call.integer("tanh") != 0;
  return mapped<T, T>(call.input(0), [&](T x) { return unary(call.node.op, tanh, x); });
}

template <typename To, typename From, typename Function>
Array zipped(const Call& call, Function function) {
  Array a = expanded(call.input(0), call.shape()), b = expanded(call.input(1), call.shape());
  const auto& right = std::get<std::vector<From>>(b.elements);
  size_t i = 0;
  return mapped<To, From>(a, [&](From left) { return function(left, right[i++]); });
}

template <typename T>
Array binary(const Call& call) {
  Op op = call.node.op;
  if (op == Op::equal || op == Op::less || op == Op::less_or_equal)
    return zipped<Integer, T>(call, [op](T a, T b) { return compared(op, a, b); });
  bool fmod = op == Op::mod && call.integer("fmod") != 0;
  return zipped<T, T>(call, [op, fmod](T a, T b) { return binary(op, fmod, a, b); });
}

template <typename T>
Array where(const Call& call) {
  Array condition = expanded(call.input(0), call.shape());
  Array yes = expanded(call.input(1), call.shape()), no = expanded(call.input(2), call.shape());
  const auto& holds = condition.integers();
  const auto& otherwise = std::get<std::vector<T>>(no.elements);
  size_t i = 0;
  return mapped<T, T>(yes, [&](T value) {
    T result = holds[i] ? value : otherwise[i];
    ++i;
    return result;
  });
}

template <typename T>
Array evaluate_as(const Call& call) {
  if (call.node.op == Op::where) return where<T>(call);
  return call.inputs.size() == 2 ? binary<T>(call) : unary<T>(call);
}

}  // namespace

Arrays evaluate_elementwise(const Call& call) {
  if (call.node.op == Op::cast) return {cast(call.input(0), dtype_attribute(call.node, "to"))};
  bool floats = call.inputs.back()->is_float();
  return {floats ? evaluate_as<Float>(call) : evaluate_as<Integer>(call)};
}

}  // namespace tempera::graph::evaluation
