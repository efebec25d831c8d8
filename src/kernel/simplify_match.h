#pragma once

#include "kernel/expr.h"

// Forms that simplification recognises.
namespace tempera::kernel {

inline constexpr Type kBool{DType::boolean, 1};

inline bool is_index(const Expr& e) { return e->type.dtype == DType::i32; }
inline bool is_binary(const Expr& e, BinaryOp op) {
  return e->kind == ExprKind::binary && e->binary_op == op;
}

// An index vector whose lanes are base + i * stride.
struct Lanes {
  Expr base, stride;
};
inline bool as_lanes(const Expr& e, Lanes& out) {
  if (e->kind == ExprKind::ramp && e->args[0]->type.is_scalar())
    out = {e->args[0], e->args[1]};
  else if (e->kind == ExprKind::broadcast)
    out = {e->args[0], Expr(0)};
  else
    return false;
  return is_index(e);
}

// The number of a bool constant in all lanes.
inline const int64_t* as_bool(const Expr& e) {
  const Expr& scalar = e->kind == ExprKind::broadcast ? e->args[0] : e;
  return scalar->kind == ExprKind::constant && scalar->type == kBool ? &scalar->integer : nullptr;
}

}  // namespace tempera::kernel
