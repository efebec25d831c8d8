#pragma once

#include <type_traits>

#include "base/check.h"
#include "kernel/interpret_code.h"

// The C++ types that the interpreter computes in, and the choice among them by dtype.
namespace tempera::kernel::interpreter {

// 16-bit floats as they lie in memory; arithmetic on them is float's, rounded back when stored.
struct F16 {
  uint16_t bits = 0;
  F16() = default;
  F16(float value) : bits(f32_to_f16(value)) {}        // NOLINT: implicit on purpose
  operator float() const { return f16_to_f32(bits); }  // NOLINT
};
struct Bf16 {
  uint16_t bits = 0;
  Bf16() = default;
  Bf16(float value) : bits(f32_to_bf16(value)) {}       // NOLINT
  operator float() const { return bf16_to_f32(bits); }  // NOLINT
};
struct Bool {
  uint8_t value = 0;
  Bool() = default;
  Bool(bool value) : value(value) {}            // NOLINT
  operator bool() const { return value != 0; }  // NOLINT
};

template <typename T>
constexpr bool kIsHalf = std::is_same_v<T, F16> || std::is_same_v<T, Bf16>;
template <typename T>
constexpr bool kIsFloat = std::is_floating_point_v<T> || kIsHalf<T>;
// What arithmetic on T is computed in.
template <typename T>
using Wide =
    std::conditional_t<kIsHalf<T>, float, std::conditional_t<std::is_same_v<T, Bool>, bool, T>>;

template <typename T>
T* at(const State& state, int32_t slot) {
  return reinterpret_cast<T*>(state.frame + slot);
}

// choose([]<typename T>() {...}) for the C++ type of a dtype.
template <typename F>
Run by_float(DType dtype, F choose) {
  switch (dtype) {
    case DType::f64:
      return choose.template operator()<double>();
    case DType::f32:
      return choose.template operator()<float>();
    case DType::f16:
      return choose.template operator()<F16>();
    case DType::bf16:
      return choose.template operator()<Bf16>();
    default:
      CHECK(false, "{} is no float", name(dtype));
  }
  return nullptr;
}
template <typename F>
Run by_integer(DType dtype, F choose) {
  switch (dtype) {
    case DType::i64:
      return choose.template operator()<int64_t>();
    case DType::i32:
      return choose.template operator()<int32_t>();
    case DType::i8:
      return choose.template operator()<int8_t>();
    case DType::u8:
      return choose.template operator()<uint8_t>();
    default:
      CHECK(false, "{} is no integer", name(dtype));
  }
  return nullptr;
}
template <typename F>
Run by_number(DType dtype, F choose) {
  return is_float(dtype) ? by_float(dtype, choose) : by_integer(dtype, choose);
}
template <typename F>
Run by_any(DType dtype, F choose) {
  return dtype == DType::boolean ? choose.template operator()<Bool>() : by_number(dtype, choose);
}
template <typename F>
Run by_bits(DType dtype, F choose) {
  return dtype == DType::boolean ? choose.template operator()<Bool>() : by_integer(dtype, choose);
}
// By size alone, for moving elements about.
template <typename F>
Run by_size(DType dtype, F choose) {
  switch (size_in_bytes(dtype)) {
    case 1:
      return choose.template operator()<uint8_t>();
    case 2:
      return choose.template operator()<uint16_t>();
    case 4:
      return choose.template operator()<uint32_t>();
    default:
      return choose.template operator()<uint64_t>();
  }
}

// Integer arithmetic wraps: it is done modulo 2^64 and cut.
template <typename T, typename F>
T wrapped(T a, T b, F op) {
  return static_cast<T>(op(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
}

}  // namespace tempera::kernel::interpreter
