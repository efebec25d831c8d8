#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/check.h"
#include "kernel/interpret_code.h"

namespace tempera::kernel::interpreter {
namespace {

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

template <typename T, typename Op, typename Out = T>
void run_binary(State& state, const Instruction& in) {
  const T* a = at<T>(state, in.a);
  const T* b = at<T>(state, in.b);
  Out* out = at<Out>(state, in.out);
  for (int i = 0; i < in.lanes; ++i)
    out[i] = static_cast<Wide<Out>>(Op::template of<Wide<T>>(a[i], b[i]));
}

template <typename Op>
Run number_op(DType dtype) {
  return by_number(dtype, []<typename T>() -> Run { return run_binary<T, Op>; });
}
template <typename Op>
Run integer_op(DType dtype) {
  return by_integer(dtype, []<typename T>() -> Run { return run_binary<T, Op>; });
}
template <typename Op>
Run bits_op(DType dtype) {
  return by_bits(dtype, []<typename T>() -> Run { return run_binary<T, Op>; });
}
template <typename Op>
Run comparison(DType dtype) {
  return by_any(dtype, []<typename T>() -> Run { return run_binary<T, Op, Bool>; });
}

Run run_of_binary(BinaryOp op, DType dtype) {
  switch (op) {
    case BinaryOp::add:
      return number_op<Add>(dtype);
    case BinaryOp::sub:
      return number_op<Sub>(dtype);
    case BinaryOp::mul:
      return number_op<Mul>(dtype);
    case BinaryOp::div:
      return number_op<Div>(dtype);
    case BinaryOp::mod:
      return integer_op<Mod>(dtype);
    case BinaryOp::min:
      return number_op<Min>(dtype);
    case BinaryOp::max:
      return number_op<Max>(dtype);
    case BinaryOp::bit_and:
      return bits_op<And>(dtype);
    case BinaryOp::bit_or:
      return bits_op<Or>(dtype);
    case BinaryOp::bit_xor:
      return bits_op<Xor>(dtype);
    case BinaryOp::shift_left:
      return integer_op<ShiftLeft>(dtype);
    case BinaryOp::shift_right:
      return integer_op<ShiftRight>(dtype);
    case BinaryOp::lt:
      return comparison<Lt>(dtype);
    case BinaryOp::le:
      return comparison<Le>(dtype);
    case BinaryOp::eq:
      return comparison<Eq>(dtype);
    case BinaryOp::ne:
      return comparison<Ne>(dtype);
  }
  return nullptr;
}

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
void run_interleave(State& state, const Instruction& in) {
  T* out = at<T>(state, in.out);
  for (int i = 0; i < in.lanes; ++i) out[i] = at<T>(state, i % 2 == 0 ? in.a : in.b)[i / 2];
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

template <typename T>
T* base_of(const State& state, const Memory& memory, int32_t number) {
  return reinterpret_cast<T*>(memory.offset >= 0 ? state.frame + memory.offset
                                                 : state.bases[number]);
}

void check_index(const char* what, const BufferNode& buffer, int64_t first, int64_t count) {
  CHECK(first >= 0 && first + count <= buffer.size, "{} of {}[{}], which holds {}", what,
        buffer.name, first < 0 ? first : first + count - 1, buffer.size);
}

template <typename T, Access kAccess>
void run_load(State& state, const Instruction& in) {
  const Memory& memory = state.program->memories[in.element];
  const T* base = base_of<T>(state, memory, in.element);
  const int32_t* index = at<int32_t>(state, in.a);
  T* out = at<T>(state, in.out);
  if constexpr (kAccess.contiguous) {
    check_index("load", *memory.buffer, *index, in.lanes);
    std::memcpy(out, base + *index, in.lanes * sizeof(T));
    return;
  }
  for (int i = 0; i < in.lanes; ++i) {
    if (kAccess.masked && !at<Bool>(state, in.b)[i]) {
      out[i] = T{};
      continue;
    }
    check_index("load", *memory.buffer, index[i], 1);
    out[i] = base[index[i]];
  }
}

template <typename T, Access kAccess>
void run_store(State& state, const Instruction& in) {
  const Memory& memory = state.program->memories[in.element];
  T* base = base_of<T>(state, memory, in.element);
  const int32_t* index = at<int32_t>(state, in.a);
  const T* value = at<T>(state, in.b);
  if constexpr (kAccess.contiguous) {
    check_index("store", *memory.buffer, *index, in.lanes);
    std::memcpy(base + *index, value, in.lanes * sizeof(T));
    return;
  }
  for (int i = 0; i < in.lanes; ++i) {
    if (kAccess.masked && !at<Bool>(state, in.c)[i]) continue;
    check_index("store", *memory.buffer, index[i], 1);
    base[index[i]] = value[i];
  }
}

// An array of vectors: one scalar index, a mask for the vector's lanes. A vector that is switched
// off altogether is not touched.
template <typename T, bool kStore>
void run_vector_access(State& state, const Instruction& in) {
  const Memory& memory = state.program->memories[in.element];
  const int32_t index = *at<int32_t>(state, in.a);
  const int32_t mask_slot = kStore ? in.c : in.b;
  const Bool* mask = mask_slot == 0 ? nullptr : at<Bool>(state, mask_slot);
  if (!mask || std::any_of(mask, mask + in.lanes, [](Bool on) { return on; }))
    check_index(kStore ? "store" : "load", *memory.buffer, index, 1);
  T* there = base_of<T>(state, memory, in.element) + static_cast<int64_t>(index) * in.lanes;
  for (int i = 0; i < in.lanes; ++i) {
    const bool on = !mask || mask[i];
    if constexpr (kStore) {
      if (on) there[i] = at<T>(state, in.b)[i];
    } else {
      at<T>(state, in.out)[i] = on ? there[i] : T{};
    }
  }
}

template <typename T>
void write_as(const ExprNode& constant, std::byte* out) {
  const T value = is_float(constant.type.dtype) ? T(static_cast<Wide<T>>(constant.number))
                                                : T(static_cast<Wide<T>>(constant.integer));
  std::memcpy(out, &value, sizeof(T));
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

Run run_of_load(const BufferNode& buffer, Access access) {
  return by_size(buffer.type.dtype, [&]<typename T>() -> Run {
    if (!buffer.type.is_scalar()) return run_vector_access<T, false>;
    if (access.contiguous) return run_load<T, Access{false, true}>;
    return access.masked ? Run(run_load<T, Access{true, false}>) : Run(run_load<T, Access{}>);
  });
}

Run run_of_store(const BufferNode& buffer, Access access) {
  return by_size(buffer.type.dtype, [&]<typename T>() -> Run {
    if (!buffer.type.is_scalar()) return run_vector_access<T, true>;
    if (access.contiguous) return run_store<T, Access{false, true}>;
    return access.masked ? Run(run_store<T, Access{true, false}>) : Run(run_store<T, Access{}>);
  });
}

void write_constant(const ExprNode& constant, std::byte* out) {
  by_any(constant.type.dtype, [&]<typename T>() -> Run {
    write_as<T>(constant, out);
    return nullptr;
  });
}

}  // namespace tempera::kernel::interpreter
