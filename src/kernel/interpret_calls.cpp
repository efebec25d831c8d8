#include <algorithm>
#include <cmath>

#include "kernel/interpret_arithmetic.h"

namespace tempera::kernel::interpreter {
namespace {

template <typename T>
void run_fma(State& state, const Instruction& in) {
  const T* a = at<T>(state, in.a);
  const T* b = at<T>(state, in.b);
  const T* c = at<T>(state, in.c);
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i)
    out[i] = std::fma(static_cast<Wide<T>>(a[i]), static_cast<Wide<T>>(b[i]),
                      static_cast<Wide<T>>(c[i]));
}

// 1 / sqrt(x) in the dtype's arithmetic: rounded twice.
template <typename T>
void run_rsqrt(State& state, const Instruction& in) {
  for (int i = 0; i < in.lanes; ++i)
    at<T>(state, in.out)[i] = Wide<T>(1) / std::sqrt(static_cast<Wide<T>>(at<T>(state, in.a)[i]));
}

template <typename T>
void run_abs(State& state, const Instruction& in) {
  for (int i = 0; i < in.lanes; ++i) {
    const Wide<T> x = at<T>(state, in.a)[i];
    if constexpr (kIsFloat<T>)
      at<T>(state, in.out)[i] = std::fabs(x);
    else
      at<T>(state, in.out)[i] = x < 0 ? wrapped<T>(0, x, std::minus<>()) : x;
  }
}

// A function of one number, computed in double and rounded once to T (16-bit floats by way of f32).
template <typename T, double (*kFunction)(double)>
void run_math(State& state, const Instruction& in) {
  const T* a = at<T>(state, in.a);
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i)
    out[i] = static_cast<Wide<T>>(kFunction(static_cast<Wide<T>>(a[i])));
}

template <double (*kFunction)(double)>
Run math(DType dtype) {
  return by_float(dtype, []<typename T>() -> Run { return run_math<T, kFunction>; });
}

template <typename T, typename Op>
void run_reduce(State& state, const Instruction& in) {
  T* value = at<T>(state, in.c);  // scratch of the vector's size
  std::copy_n(at<T>(state, in.a), in.lanes, value);
  for (int half = in.lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i)
      value[i] = static_cast<Wide<T>>(Op::template of<Wide<T>>(value[i], value[i + half]));
  *at<T>(state, in.out) = value[0];
}

template <typename Op>
Run reduction(DType dtype) {
  return by_number(dtype, []<typename T>() -> Run { return run_reduce<T, Op>; });
}

template <typename T>
void run_interleave(State& state, const Instruction& in) {
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i) out[i] = at<T>(state, i % 2 == 0 ? in.a : in.b)[i / 2];
}

void run_bf16_dot(State& state, const Instruction& in) {
  const Bf16* a = at<Bf16>(state, in.b);
  const Bf16* b = at<Bf16>(state, in.c);
  for (int i = 0; i < in.lanes; ++i) {
    const float odd = std::fma(float{a[2 * i + 1]}, float{b[2 * i + 1]}, at<float>(state, in.a)[i]);
    at<float>(state, in.out)[i] = std::fma(float{a[2 * i]}, float{b[2 * i]}, odd);
  }
}

void run_i8_dot(State& state, const Instruction& in) {
  const uint8_t* a = at<uint8_t>(state, in.b);
  const int8_t* b = at<int8_t>(state, in.c);
  for (int i = 0; i < in.lanes; ++i) {
    int32_t sum = at<int32_t>(state, in.a)[i];
    for (int j = 4 * i; j < 4 * i + 4; ++j) sum = Add::of(sum, int32_t{a[j]} * b[j]);
    at<int32_t>(state, in.out)[i] = sum;
  }
}

void run_matrix_dot(State& state, const Instruction& in) {
  const Bf16* a = at<Bf16>(state, in.b);
  const Bf16* b = at<Bf16>(state, in.c);
  const int columns = in.element, depth = in.inner;
  for (int i = 0; i < in.lanes; ++i) {
    const Bf16* row = a + static_cast<int64_t>(i / columns) * depth;
    float even = 0, odd = 0;
    for (int k = 0; k < depth; k += 2) {
      const Bf16* pair = b + static_cast<int64_t>(k) * columns + i % columns * 2;
      even = std::fma(float{row[k]}, float{pair[0]}, even);
      odd = std::fma(float{row[k + 1]}, float{pair[1]}, odd);
    }
    at<float>(state, in.out)[i] = at<float>(state, in.a)[i] + (even + odd);
  }
}

}  // namespace

Run run_of_call(Intrinsic intrinsic, DType dtype) {
  switch (intrinsic) {
    case Intrinsic::fma:
      return by_float(dtype, []<typename T>() -> Run { return run_fma<T>; });
    case Intrinsic::rsqrt:
      return by_float(dtype, []<typename T>() -> Run { return run_rsqrt<T>; });
    case Intrinsic::abs:
      return by_number(dtype, []<typename T>() -> Run { return run_abs<T>; });
    case Intrinsic::sqrt:
      return math<std::sqrt>(dtype);
    case Intrinsic::exp:
      return math<std::exp>(dtype);
    case Intrinsic::exp2:
    case Intrinsic::exp2_bf16:
      return math<std::exp2>(dtype);
    case Intrinsic::log:
      return math<std::log>(dtype);
    case Intrinsic::sin:
      return math<std::sin>(dtype);
    case Intrinsic::cos:
      return math<std::cos>(dtype);
    case Intrinsic::tanh:
      return math<std::tanh>(dtype);
    case Intrinsic::erf:
      return math<std::erf>(dtype);
    case Intrinsic::floor:
      return math<std::floor>(dtype);
    case Intrinsic::ceil:
      return math<std::ceil>(dtype);
    case Intrinsic::round:
      return math<std::nearbyint>(dtype);
    case Intrinsic::reduce_add:
      return reduction<Add>(dtype);
    case Intrinsic::reduce_max:
      return reduction<Max>(dtype);
    case Intrinsic::reduce_min:
      return reduction<Min>(dtype);
    case Intrinsic::interleave:
      return by_size(dtype, []<typename T>() -> Run { return run_interleave<T>; });
    case Intrinsic::bf16_dot:
      return run_bf16_dot;
    case Intrinsic::i8_dot:
      return run_i8_dot;
    case Intrinsic::matrix_dot:
      return run_matrix_dot;
  }
  return nullptr;
}

}  // namespace tempera::kernel::interpreter
