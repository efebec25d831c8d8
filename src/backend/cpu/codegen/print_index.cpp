#include <algorithm>

#include "backend/cpu/codegen/printer.h"

namespace tempera::cpu {

using kernel::BinaryOp;
using kernel::Expr;
using kernel::ExprKind;
using llvm::Value;

Value* Printer::index(const Expr& e) {
  if (e->kind == ExprKind::constant) return b.getInt64(static_cast<uint64_t>(e->integer));
  if (e->kind == ExprKind::variable) {
    if (const auto found = indices.find(e.get()); found != indices.end()) return found->second;
  }
  if (e->kind == ExprKind::unary) return b.CreateNSWNeg(index(e->args[0]));
  if (e->kind != ExprKind::binary || e->type != kernel::Type{})
    return b.CreateSExt(value(e), b.getInt64Ty());
  const Expr& x = e->args[0];
  const Expr& y = e->args[1];
  switch (e->binary_op) {
    case BinaryOp::add:
      return b.CreateNSWAdd(index(x), index(y));
    case BinaryOp::sub:
      return b.CreateNSWSub(index(x), index(y));
    case BinaryOp::mul:
      return b.CreateNSWMul(index(x), index(y));
    case BinaryOp::div:
      return floor_div(index(x), index(y), !(is_nonnegative(x) && is_nonnegative(y)));
    case BinaryOp::mod:
      return floor_mod(index(x), index(y), !(is_nonnegative(x) && is_nonnegative(y)));
    case BinaryOp::min:
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index(x), index(y));
    case BinaryOp::max:
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, index(x), index(y));
    default:
      return b.CreateSExt(value(e), b.getInt64Ty());
  }
}

bool Printer::is_nonnegative(const Expr& e) { return ranges.of(e).min >= 0; }

void Printer::learn_ranges(const kernel::Stmt& s) {
  if (s->kind == kernel::StmtKind::loop) {
    const kernel::Range begin = ranges.of(s->begin);
    const kernel::Range extent = ranges.of(s->extent);
    const int64_t steps = std::max<int64_t>(extent.max, 1) - 1;
    ranges.know(s->variable, begin + kernel::Range{0, steps});
  }
  if (s->kind == kernel::StmtKind::let && is_integer(s->value->type.dtype))
    ranges.know(s->variable, ranges.of(s->value));
  for (const kernel::Stmt& child : s->body) learn_ranges(child);
}

namespace {

// The exponent, if v is a (splat of a) positive power of two.
std::optional<unsigned> log2_of(Value* v) {
  const auto* c = llvm::dyn_cast<llvm::Constant>(v);
  if (c && v->getType()->isVectorTy()) c = c->getSplatValue();
  const auto* integer = c ? llvm::dyn_cast<llvm::ConstantInt>(c) : nullptr;
  if (!integer || !integer->getValue().isStrictlyPositive() || !integer->getValue().isPowerOf2())
    return std::nullopt;
  return integer->getValue().logBase2();
}

// Whether the remainder is not 0 and has not the divisor's sign: where rounding to zero and to
// minus infinity differ.
Value* is_off(llvm::IRBuilder<>& b, Value* remainder, Value* divisor) {
  Value* zero = llvm::ConstantInt::get(remainder->getType(), 0);
  return b.CreateAnd(b.CreateICmpNE(remainder, zero),
                     b.CreateICmpSLT(b.CreateXor(remainder, divisor), zero));
}

}  // namespace

Value* Printer::floor_div(Value* x, Value* y, bool is_signed) {
  if (!is_signed) return b.CreateUDiv(x, y);
  if (const auto shift = log2_of(y)) return b.CreateAShr(x, *shift);
  Value* remainder = b.CreateSRem(x, y);
  return b.CreateAdd(b.CreateSDiv(x, y), b.CreateSExt(is_off(b, remainder, y), x->getType()));
}

Value* Printer::floor_mod(Value* x, Value* y, bool is_signed) {
  if (!is_signed) return b.CreateURem(x, y);
  if (log2_of(y)) return b.CreateAnd(x, b.CreateSub(y, llvm::ConstantInt::get(y->getType(), 1)));
  Value* remainder = b.CreateSRem(x, y);
  return b.CreateSelect(is_off(b, remainder, y), b.CreateAdd(remainder, y), remainder);
}

std::optional<Printer::Affine> Printer::affine(const Expr& e) {
  if (e->type.is_scalar()) return Affine{index(e), b.getInt64(0)};
  if (e->kind == ExprKind::broadcast) return Affine{index(e->args[0]), b.getInt64(0)};
  if (e->kind == ExprKind::constant)
    return Affine{b.getInt64(static_cast<uint64_t>(e->integer)), b.getInt64(0)};
  if (e->kind == ExprKind::ramp && e->args[0]->type.is_scalar())
    return Affine{index(e->args[0]), index(e->args[1])};
  if (e->kind != ExprKind::binary) return std::nullopt;
  const BinaryOp op = e->binary_op;
  if (op != BinaryOp::add && op != BinaryOp::sub && op != BinaryOp::mul) return std::nullopt;
  const auto x = affine(e->args[0]);
  const auto y = affine(e->args[1]);
  if (!x || !y) return std::nullopt;
  if (op == BinaryOp::add)
    return Affine{b.CreateNSWAdd(x->base, y->base), b.CreateNSWAdd(x->stride, y->stride)};
  if (op == BinaryOp::sub)
    return Affine{b.CreateNSWSub(x->base, y->base), b.CreateNSWSub(x->stride, y->stride)};
  const auto is_zero = [](Value* v) {
    const auto* c = llvm::dyn_cast<llvm::ConstantInt>(v);
    return c && c->isZero();
  };
  if (is_zero(y->stride))
    return Affine{b.CreateNSWMul(x->base, y->base), b.CreateNSWMul(x->stride, y->base)};
  if (is_zero(x->stride))
    return Affine{b.CreateNSWMul(x->base, y->base), b.CreateNSWMul(x->base, y->stride)};
  return std::nullopt;
}

}  // namespace tempera::cpu
