#include <algorithm>
#include <cmath>
#include <limits>

#include "kernel/interpret_arithmetic.h"

namespace tempera::kernel::interpreter {
namespace {

template <typename T>
void run_neg(State& state, const Instruction& in) {
  const T* a = at<T>(state, in.a);
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i) {
    if constexpr (kIsFloat<T>)
      out[i] = static_cast<Wide<T>>(-static_cast<Wide<T>>(a[i]));
    else
      out[i] = wrapped<T>(0, a[i], std::minus<>());
  }
}

void run_not(State& state, const Instruction& in) {
  for (int i = 0; i < in.lanes; ++i) at<Bool>(state, in.out)[i] = !at<Bool>(state, in.a)[i];
}

template <typename To>
To saturate(double value) {
  if (std::isnan(value)) return 0;
  // max() + 1 is a power of two, so exact; the largest value itself may not be.
  const double above = std::ldexp(1.0, std::numeric_limits<To>::digits);
  const double least = std::is_signed_v<To> ? -above : 0.0;
  const double whole = std::trunc(value);
  if (whole >= above) return std::numeric_limits<To>::max();
  if (whole < least) return std::numeric_limits<To>::min();
  return static_cast<To>(whole);
}

template <typename From, typename To>
Wide<To> converted(Wide<From> value) {
  if constexpr (std::is_same_v<To, Bool>)
    return value != 0;
  else if constexpr (kIsFloat<From> && std::is_integral_v<To>)
    return saturate<To>(value);
  else
    return static_cast<Wide<To>>(value);
}

template <typename From, typename To>
void run_cast(State& state, const Instruction& in) {
  const From* a = at<From>(state, in.a);
  To* out = at<To>(state, in.out);
  for (int i = 0; i < in.lanes; ++i) out[i] = converted<From, To>(a[i]);
}

template <typename From>
Run run_of_cast(DType to) {
  return by_any(to, []<typename To>() -> Run { return run_cast<From, To>; });
}

template <typename T>
void run_select(State& state, const Instruction& in) {
  const Bool* condition = at<Bool>(state, in.a);
  const T* then = at<T>(state, in.b);
  const T* otherwise = at<T>(state, in.c);
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i) out[i] = condition[i] ? then[i] : otherwise[i];
}

template <typename T>
void run_broadcast(State& state, const Instruction& in) {
  std::fill_n(at<T>(state, in.out), in.lanes, *at<T>(state, in.a));
}

template <typename T>
void run_repeat(State& state, const Instruction& in) {
  const T* x = at<T>(state, in.a);
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i) out[i] = x[i % in.element];
}

template <typename T>
void run_extract(State& state, const Instruction& in) {
  *at<T>(state, in.out) = at<T>(state, in.a)[in.element];
}

template <typename T>
void run_ramp(State& state, const Instruction& in) {
  const T* base = at<T>(state, in.a);
  const T stride = *at<T>(state, in.b);
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i)
    out[i] = i < in.element ? base[i] : Add::of(out[i - in.element], stride);
}

}  // namespace

Run run_of(const ExprNode& node) {
  const DType dtype = node.type.dtype;
  switch (node.kind) {
    case ExprKind::unary:
      if (node.unary_op == UnaryOp::logical_not) return run_not;
      return by_number(dtype, []<typename T>() -> Run { return run_neg<T>; });
    case ExprKind::binary:
      return run_of_binary(node.binary_op, node.args[0]->type.dtype);
    case ExprKind::select:
      return by_size(dtype, []<typename T>() -> Run { return run_select<T>; });
    case ExprKind::cast:
      return by_any(node.args[0]->type.dtype,
                    [=]<typename From>() -> Run { return run_of_cast<From>(dtype); });
    case ExprKind::broadcast:
      return by_size(dtype, []<typename T>() -> Run { return run_broadcast<T>; });
    case ExprKind::repeat:
      return by_size(dtype, []<typename T>() -> Run { return run_repeat<T>; });
    case ExprKind::ramp:
      return by_integer(dtype, []<typename T>() -> Run { return run_ramp<T>; });
    case ExprKind::extract:
      return by_size(dtype, []<typename T>() -> Run { return run_extract<T>; });
    case ExprKind::call:
      return run_of_call(node.intrinsic, dtype);
    default:
      CHECK(false, "no operation");
      return nullptr;
  }
}

}  // namespace tempera::kernel::interpreter
