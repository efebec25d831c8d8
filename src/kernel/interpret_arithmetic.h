#pragma once

#include <functional>

#include "kernel/interpret_types.h"

// What the binary operations and reductions compute of two values.
namespace tempera::kernel::interpreter {

template <typename T>
T floor_div(T a, T b) {
  CHECK(b != 0, "{} divided by zero", a);
  if (b == static_cast<T>(-1)) return wrapped<T>(0, a, std::minus<>());
  const T quotient = static_cast<T>(a / b);
  return static_cast<T>(quotient - ((a % b != 0) && ((a < 0) != (b < 0)) ? 1 : 0));
}

struct Add {
  template <typename T>
  static auto of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>)
      return a + b;
    else
      return wrapped(a, b, std::plus<>());
  }
};
struct Sub {
  template <typename T>
  static auto of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>)
      return a - b;
    else
      return wrapped(a, b, std::minus<>());
  }
};
struct Mul {
  template <typename T>
  static auto of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>)
      return a * b;
    else
      return wrapped(a, b, std::multiplies<>());
  }
};
struct Div {
  template <typename T>
  static auto of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>)
      return a / b;
    else if constexpr (std::is_unsigned_v<T>)
      return divide(a, b);
    else
      return floor_div(a, b);
  }
  template <typename T>
  static T divide(T a, T b) {
    CHECK(b != 0, "{} divided by zero", a);
    return static_cast<T>(a / b);
  }
};
struct Mod {
  template <typename T>
  static T of(T a, T b) {
    return wrapped(a, wrapped(Div::of(a, b), b, std::multiplies<>()), std::minus<>());
  }
};
struct Min {
  template <typename T>
  static T of(T a, T b) {
    return a < b ? a : b;
  }
};
struct Max {
  template <typename T>
  static T of(T a, T b) {
    return a > b ? a : b;
  }
};
struct And {
  template <typename T>
  static T of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <typename T>
  static T of(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <typename T>
  static T of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
struct ShiftLeft {
  template <typename T>
  static T of(T a, T b) {
    return wrapped(a, b, [](uint64_t x, uint64_t n) { return x << (n & 63); });
  }
};
struct ShiftRight {
  template <typename T>
  static T of(T a, T b) {
    return static_cast<T>(a >> (b & 63));
  }
};
struct Lt {
  template <typename T>
  static bool of(T a, T b) {
    return a < b;
  }
};
struct Le {
  template <typename T>
  static bool of(T a, T b) {
    return a <= b;
  }
};
struct Eq {
  template <typename T>
  static bool of(T a, T b) {
    return a == b;
  }
};
struct Ne {
  template <typename T>
  static bool of(T a, T b) {
    return a != b;
  }
};

}  // namespace tempera::kernel::interpreter
