#include "kernel/fold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernel/interpret_code.h"

namespace tempera::kernel {
namespace {

bool defined_value(const ExprNode& e) {
  if (e.kind != ExprKind::binary || is_float(e.type.dtype)) return true;
  const int64_t b = e.args[1]->integer;
  switch (e.binary_op) {
    case BinaryOp::div:
    case BinaryOp::mod:
      return b != 0;
    case BinaryOp::shift_left:
    case BinaryOp::shift_right:
      return b >= 0 && b < 8 * size_in_bytes(e.type);
    default:
      return true;
  }
}

template <typename T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

Expr constant_at(Type type, const std::byte* from) {
  switch (type.dtype) {
    case DType::f64:
      return constant(type, read<double>(from));
    case DType::f32:
      return constant(type, read<float>(from));
    case DType::f16:
      return constant(type, f16_to_f32(read<uint16_t>(from)));
    case DType::bf16:
      return constant(type, bf16_to_f32(read<uint16_t>(from)));
    case DType::i64:
      return constant_int(type, read<int64_t>(from));
    case DType::i32:
      return constant_int(type, read<int32_t>(from));
    case DType::i8:
      return constant_int(type, read<int8_t>(from));
    default:
      return constant_int(type, read<uint8_t>(from));
  }
}

}  // namespace

// Runs the interpreter's own instruction on a frame of four cells.
Expr fold(const Expr& e) {
  const bool operation = e->kind == ExprKind::unary || e->kind == ExprKind::binary ||
                         e->kind == ExprKind::select || e->kind == ExprKind::cast ||
                         e->kind == ExprKind::call;
  if (!operation || !e->type.is_scalar() || e->args.size() > 3) return {};
  for (const Expr& arg : e->args)
    if (arg->kind != ExprKind::constant) return {};
  if (!defined_value(*e)) return {};
  alignas(16) std::array<std::byte, 64> frame;
  for (size_t i = 0; i < e->args.size(); ++i)
    interpreter::write_constant(*e->args[i], frame.data() + 16 * (i + 1));
  const interpreter::Instruction in{.run = interpreter::run_of(*e), .a = 16, .b = 32, .c = 48};
  interpreter::State state{.frame = frame.data()};
  in.run(state, in);
  return constant_at(e->type, frame.data());
}

}  // namespace tempera::kernel
