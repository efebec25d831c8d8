#include <llvm/IR/IntrinsicsX86.h>

#include "backend/cpu/codegen/expand_math.h"
#include "backend/cpu/codegen/printer.h"

namespace tempera::cpu {

using kernel::BinaryOp;
using kernel::Expr;
using kernel::ExprKind;
using kernel::ExprNode;
using kernel::Intrinsic;
using kernel::Type;
using llvm::Value;

Value* Printer::value(const Expr& e) {
  if (const auto found = memo.find(e.get()); found != memo.end()) return found->second;
  Value* printed = print_value(*e);
  memo.emplace(e.get(), printed);
  return printed;
}

Value* Printer::print_value(const ExprNode& e) {
  switch (e.kind) {
    case ExprKind::constant:
      return print_constant(e);
    case ExprKind::variable: {
      if (const auto found = values.find(&e); found != values.end()) return found->second;
      const auto found = indices.find(&e);
      CHECK(found != indices.end(), "variable {} is not bound", e.name);
      return b.CreateTrunc(found->second, b.getInt32Ty());
    }
    case ExprKind::unary:
      return print_unary(e);
    case ExprKind::binary:
      return print_binary(e);
    case ExprKind::select:
      return b.CreateSelect(value(e.args[0]), value(e.args[1]), value(e.args[2]));
    case ExprKind::cast:
      return convert(b, features, value(e.args[0]), e.args[0]->type, e.type);
    case ExprKind::broadcast:
      return b.CreateVectorSplat(static_cast<unsigned>(e.type.lanes), value(e.args[0]));
    case ExprKind::repeat:
      return print_repeat(e);
    case ExprKind::ramp:
      return print_ramp(e);
    case ExprKind::load:
      return print_load(e);
    case ExprKind::extract:
      if (e.args[0]->type.is_scalar()) return value(e.args[0]);
      return b.CreateExtractElement(value(e.args[0]), static_cast<uint64_t>(e.integer));
    case ExprKind::call:
      return print_call(e);
  }
  CHECK(false);
  return nullptr;
}

Value* Printer::print_constant(const ExprNode& e) {
  llvm::Type* type = value_type(b.getContext(), e.type);
  const auto number = static_cast<float>(e.number);
  if (e.type.dtype == DType::f16) return llvm::ConstantInt::get(type, f32_to_f16(number));
  if (e.type.dtype == DType::bf16) return llvm::ConstantInt::get(type, f32_to_bf16(number));
  if (is_float(e.type.dtype)) return llvm::ConstantFP::get(type, e.number);
  return llvm::ConstantInt::get(type, static_cast<uint64_t>(e.integer), true);
}

Value* Printer::print_unary(const ExprNode& e) {
  Value* x = value(e.args[0]);
  if (e.unary_op == kernel::UnaryOp::logical_not) return b.CreateNot(x);
  if (e.type.dtype == DType::f16)
    return b.CreateXor(x, llvm::ConstantInt::get(x->getType(), 0x8000));
  return is_float(e.type.dtype) ? b.CreateFNeg(x) : b.CreateNeg(x);
}

Value* Printer::print_binary(const ExprNode& e) {
  Value* x = value(e.args[0]);
  Value* y = value(e.args[1]);
  const Type operands = e.args[0]->type;
  if (!is_float(operands.dtype)) {
    const bool may_be_negative = !(is_nonnegative(e.args[0]) && is_nonnegative(e.args[1]));
    return print_integer_binary(e.binary_op, operands.dtype, may_be_negative, x, y);
  }
  if (operands.dtype != DType::f16) return print_float_binary(e.binary_op, x, y);
  llvm::Type* half = x->getType()->getWithNewType(b.getHalfTy());
  Value* result =
      print_float_binary(e.binary_op, b.CreateBitCast(x, half), b.CreateBitCast(y, half));
  return is_comparison(e.binary_op) ? result : b.CreateBitCast(result, x->getType());
}

Value* Printer::print_float_binary(BinaryOp op, Value* x, Value* y) {
  switch (op) {
    case BinaryOp::add:
      return b.CreateFAdd(x, y);
    case BinaryOp::sub:
      return b.CreateFSub(x, y);
    case BinaryOp::mul:
      return b.CreateFMul(x, y);
    case BinaryOp::div:
      return b.CreateFDiv(x, y);
    case BinaryOp::min:
      return b.CreateSelect(b.CreateFCmpOLT(x, y), x, y);
    case BinaryOp::max:
      return b.CreateSelect(b.CreateFCmpOGT(x, y), x, y);
    case BinaryOp::lt:
      return b.CreateFCmpOLT(x, y);
    case BinaryOp::le:
      return b.CreateFCmpOLE(x, y);
    case BinaryOp::eq:
      return b.CreateFCmpOEQ(x, y);
    case BinaryOp::ne:
      return b.CreateFCmpUNE(x, y);
    default:
      CHECK(false, "binary operation {} of floats", static_cast<int>(op));
      return nullptr;
  }
}

Value* Printer::print_integer_binary(BinaryOp op, DType dtype, bool may_be_negative, Value* x,
                                     Value* y) {
  const bool is_signed = dtype != DType::u8 && dtype != DType::boolean;
  switch (op) {
    case BinaryOp::add:
      return b.CreateAdd(x, y);
    case BinaryOp::sub:
      return b.CreateSub(x, y);
    case BinaryOp::mul:
      return b.CreateMul(x, y);
    case BinaryOp::div:
      return floor_div(x, y, is_signed && may_be_negative);
    case BinaryOp::mod:
      return floor_mod(x, y, is_signed && may_be_negative);
    case BinaryOp::min:
      return b.CreateBinaryIntrinsic(is_signed ? llvm::Intrinsic::smin : llvm::Intrinsic::umin, x,
                                     y);
    case BinaryOp::max:
      return b.CreateBinaryIntrinsic(is_signed ? llvm::Intrinsic::smax : llvm::Intrinsic::umax, x,
                                     y);
    case BinaryOp::bit_and:
      return b.CreateAnd(x, y);
    case BinaryOp::bit_or:
      return b.CreateOr(x, y);
    case BinaryOp::bit_xor:
      return b.CreateXor(x, y);
    case BinaryOp::shift_left:
      return b.CreateShl(x, y);
    case BinaryOp::shift_right:
      return is_signed ? b.CreateAShr(x, y) : b.CreateLShr(x, y);
    case BinaryOp::lt:
      return is_signed ? b.CreateICmpSLT(x, y) : b.CreateICmpULT(x, y);
    case BinaryOp::le:
      return is_signed ? b.CreateICmpSLE(x, y) : b.CreateICmpULE(x, y);
    case BinaryOp::eq:
      return b.CreateICmpEQ(x, y);
    case BinaryOp::ne:
      return b.CreateICmpNE(x, y);
  }
  CHECK(false);
  return nullptr;
}

Value* Printer::print_ramp(const ExprNode& e) {
  Value* base = value(e.args[0]);
  const int row = e.args[0]->type.lanes;
  std::vector<llvm::Constant*> lanes;
  std::vector<int> places;
  for (int i = 0; i < e.type.lanes; ++i) {
    lanes.push_back(llvm::cast<llvm::Constant>(
        llvm::ConstantInt::get(base->getType()->getScalarType(), static_cast<uint64_t>(i / row))));
    places.push_back(i % row);
  }
  const auto count = static_cast<unsigned>(e.type.lanes);
  if (count == 1) return base;
  Value* steps =
      b.CreateMul(b.CreateVectorSplat(count, value(e.args[1])), llvm::ConstantVector::get(lanes));
  Value* first = row == 1 ? b.CreateVectorSplat(count, base) : b.CreateShuffleVector(base, places);
  return b.CreateAdd(first, steps);
}

// A pair of bf16 goes to all lanes as one integer: that is a broadcast in one instruction, from
// memory too.
Value* Printer::print_repeat(const ExprNode& e) {
  Value* x = value(e.args[0]);
  llvm::Type* lane = x->getType()->getScalarType();
  const unsigned bits = lane->getScalarSizeInBits() * static_cast<unsigned>(e.args[0]->type.lanes);
  auto* type = llvm::FixedVectorType::get(lane, static_cast<unsigned>(e.type.lanes));
  if (bits == 32 || bits == 64) {
    const auto count = static_cast<unsigned>(e.type.lanes / e.args[0]->type.lanes);
    return b.CreateBitCast(b.CreateVectorSplat(count, b.CreateBitCast(x, b.getIntNTy(bits))), type);
  }
  std::vector<int> lanes;
  for (int i = 0; i < e.type.lanes; ++i) lanes.push_back(i % e.args[0]->type.lanes);
  return b.CreateShuffleVector(x, lanes);
}

// Two vectors of f32 become bf16 in one instruction, which leaves one after the other.
Value* Printer::print_interleave(const ExprNode& e) {
  const auto converts = [&](const Expr& x) {
    return x->kind == ExprKind::cast && x->type == Type{DType::bf16, 16} &&
           x->args[0]->type.dtype == DType::f32;
  };
  if (features.bf16_conversion && converts(e.args[0]) && converts(e.args[1])) {
    Value* both = b.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_cvtne2ps2bf16_512, {},
                                    {value(e.args[1]->args[0]), value(e.args[0]->args[0])});
    both = b.CreateBitCast(both, llvm::FixedVectorType::get(b.getInt16Ty(), 32));
    std::vector<int> lanes;
    for (int i = 0; i < 16; ++i) lanes.insert(lanes.end(), {i, i + 16});
    return b.CreateShuffleVector(both, lanes);
  }
  Value* x = value(e.args[0]);
  Value* y = value(e.args[1]);
  const auto as_vector = [&](Value* v) {
    return v->getType()->isVectorTy() ? v : b.CreateVectorSplat(1, v);
  };
  std::vector<int> lanes;
  for (int i = 0; i < e.type.lanes; ++i)
    lanes.push_back(i / 2 + (i % 2 == 0 ? 0 : e.type.lanes / 2));
  return b.CreateShuffleVector(as_vector(x), as_vector(y), lanes);
}

Value* Printer::print_call(const ExprNode& e) {
  switch (e.intrinsic) {
    case Intrinsic::reduce_add:
    case Intrinsic::reduce_max:
    case Intrinsic::reduce_min:
      return print_reduce(e);
    case Intrinsic::interleave:
      return print_interleave(e);
    case Intrinsic::bf16_dot:
    case Intrinsic::i8_dot:
      return print_dot(e);
    case Intrinsic::matrix_dot:
      return print_matrix_dot(e);
    default:
      break;
  }
  std::vector<Value*> args;
  for (const Expr& arg : e.args) args.push_back(value(arg));
  if (e.type.dtype != DType::f16) return print_numeric_call(e.intrinsic, e.type, args);
  llvm::Type* bits = args[0]->getType();
  for (Value*& arg : args) arg = b.CreateBitCast(arg, bits->getWithNewType(b.getHalfTy()));
  return b.CreateBitCast(print_numeric_call(e.intrinsic, e.type, args), bits);
}

Value* Printer::print_numeric_call(Intrinsic op, Type type, std::vector<Value*> args) {
  Value* x = args[0];
  switch (op) {
    case Intrinsic::fma:
      return multiply_add(b, features, x, args[1], args[2]);
    case Intrinsic::sqrt:
      return b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x);
    case Intrinsic::rsqrt:
      return b.CreateFDiv(llvm::ConstantFP::get(x->getType(), 1),
                          b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x));
    case Intrinsic::abs:
      if (is_float(type.dtype)) return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
      if (type.dtype == DType::u8) return x;
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, x, b.getFalse());
    case Intrinsic::floor:
      return b.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x);
    case Intrinsic::ceil:
      return b.CreateUnaryIntrinsic(llvm::Intrinsic::ceil, x);
    case Intrinsic::round:
      return b.CreateUnaryIntrinsic(llvm::Intrinsic::roundeven, x);
    default:
      return expand_math(b, features, op, x);
  }
}

// Halves the vector until one lane is left: lane i with lane i + n / 2. 16-bit floats are rounded
// after each step.
Value* Printer::print_reduce(const ExprNode& e) {
  const BinaryOp op = e.intrinsic == Intrinsic::reduce_add   ? BinaryOp::add
                      : e.intrinsic == Intrinsic::reduce_max ? BinaryOp::max
                                                             : BinaryOp::min;
  Value* x = value(e.args[0]);
  const Type type = e.args[0]->type;
  for (int lanes = type.lanes / 2; lanes >= 1; lanes /= 2) {
    std::vector<int> low, high;
    for (int i = 0; i < lanes; ++i) low.push_back(i), high.push_back(i + lanes);
    x = print_reduce_step(op, type.with_lanes(lanes), b.CreateShuffleVector(x, low),
                          b.CreateShuffleVector(x, high));
  }
  return type.is_scalar() ? x : b.CreateExtractElement(x, uint64_t{0});
}

Value* Printer::print_reduce_step(BinaryOp op, Type type, Value* x, Value* y) {
  if (!is_float(type.dtype)) return print_integer_binary(op, type.dtype, true, x, y);
  if (type.dtype == DType::f64) return print_float_binary(op, x, y);
  const Type f32 = {DType::f32, type.lanes};
  Value* wide = print_float_binary(op, convert(b, features, x, type, f32),
                                   convert(b, features, y, type, f32));
  return convert(b, features, wide, f32, type);
}

Value* Printer::print_dot(const ExprNode& e) {
  Value* sum = value(e.args[0]);
  Value* x = value(e.args[1]);
  Value* y = value(e.args[2]);
  const bool bf16 = e.intrinsic == Intrinsic::bf16_dot;
  const int lanes = e.type.lanes;
  const auto pick = [&](auto narrow, auto middle, auto wide) {
    return lanes == 4 ? narrow : lanes == 8 ? middle : wide;
  };
  const auto bf16_id = pick(llvm::Intrinsic::x86_avx512bf16_dpbf16ps_128,
                            llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256,
                            llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512);
  const auto i8_id =
      pick(llvm::Intrinsic::x86_avx512_vpdpbusd_128, llvm::Intrinsic::x86_avx512_vpdpbusd_256,
           llvm::Intrinsic::x86_avx512_vpdpbusd_512);
  llvm::Type* packed = bf16 ? llvm::FixedVectorType::get(b.getBFloatTy(), 2 * lanes)
                            : llvm::FixedVectorType::get(b.getInt32Ty(), lanes);
  return b.CreateIntrinsic(bf16 ? bf16_id : i8_id, {},
                           {sum, b.CreateBitCast(x, packed), b.CreateBitCast(y, packed)});
}

}  // namespace tempera::cpu
