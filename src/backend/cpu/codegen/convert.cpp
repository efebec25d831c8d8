#include "backend/cpu/codegen/convert.h"

#include "base/check.h"

namespace tempera::cpu {
namespace {

using llvm::Value;

llvm::Type* element_type(llvm::LLVMContext& context, DType dtype) {
  switch (dtype) {
    case DType::f64:
      return llvm::Type::getDoubleTy(context);
    case DType::f32:
      return llvm::Type::getFloatTy(context);
    case DType::f16:
    case DType::bf16:
      return llvm::Type::getInt16Ty(context);
    case DType::i64:
      return llvm::Type::getInt64Ty(context);
    case DType::i32:
      return llvm::Type::getInt32Ty(context);
    case DType::i8:
    case DType::u8:
      return llvm::Type::getInt8Ty(context);
    case DType::boolean:
      return llvm::Type::getInt1Ty(context);
  }
  CHECK(false);
  return nullptr;
}

llvm::Type* with_lanes(llvm::Type* element, int lanes) {
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
}

// Bit patterns of 16-bit floats, as in base/dtype.h, without branches.
struct Bits {
  llvm::IRBuilder<>& b;
  llvm::Type* f32;
  llvm::Type* i32;
  llvm::Type* i16;

  Bits(llvm::IRBuilder<>& builder, llvm::Type* shape)
      : b(builder),
        f32(shape->getWithNewType(builder.getFloatTy())),
        i32(shape->getWithNewType(builder.getInt32Ty())),
        i16(shape->getWithNewType(builder.getInt16Ty())) {}

  Value* c(uint32_t value) const { return llvm::ConstantInt::get(i32, value); }
  Value* number(Value* bits) const { return b.CreateBitCast(bits, f32); }
  Value* number(uint32_t bits) const { return number(c(bits)); }
  Value* of(Value* number) const { return b.CreateBitCast(number, i32); }

  Value* bf16_to_f32(Value* x) const { return number(b.CreateShl(b.CreateZExt(x, i32), c(16))); }
  Value* f32_to_bf16(Value* x) const {
    Value* bits = of(x);
    Value* high = b.CreateLShr(bits, c(16));
    Value* round = b.CreateAdd(b.CreateAnd(high, c(1)), c(0x7fff));
    Value* rounded = b.CreateLShr(b.CreateAdd(bits, round), c(16));
    Value* quiet_nan = b.CreateOr(high, c(0x40));
    return b.CreateTrunc(b.CreateSelect(b.CreateFCmpUNO(x, x), quiet_nan, rounded), i16);
  }
  Value* f16_to_f32(Value* x) const {
    Value* bits = b.CreateZExt(x, i32);
    Value* magnitude = b.CreateAnd(bits, c(0x7fff));
    Value* shifted = b.CreateShl(magnitude, c(13));
    Value* normal = b.CreateAdd(shifted, c(112u << 23));
    Value* infinite = b.CreateAdd(shifted, c(224u << 23));
    const uint32_t smallest_normal = 113u << 23;
    Value* subnormal =
        of(b.CreateFSub(number(b.CreateAdd(shifted, c(smallest_normal))), number(smallest_normal)));
    Value* finite = b.CreateSelect(b.CreateICmpULT(magnitude, c(0x400)), subnormal, normal);
    Value* result = b.CreateSelect(b.CreateICmpULT(magnitude, c(0x7c00)), finite, infinite);
    return number(b.CreateOr(result, b.CreateShl(b.CreateAnd(bits, c(0x8000)), c(16))));
  }
  Value* f32_to_f16(Value* x) const {
    Value* bits = of(x);
    Value* magnitude = b.CreateAnd(bits, c(0x7fffffff));
    Value* odd = b.CreateAnd(b.CreateLShr(magnitude, c(13)), c(1));
    Value* biased = b.CreateAdd(b.CreateSub(magnitude, c(112u << 23)), c(0xfff));
    Value* normal = b.CreateLShr(b.CreateAdd(biased, odd), c(13));
    const uint32_t half = 0x3f000000;
    Value* subnormal = b.CreateSub(of(b.CreateFAdd(number(magnitude), number(half))), c(half));
    Value* infinite =
        b.CreateSelect(b.CreateICmpUGT(magnitude, c(0x7f800000)), c(0x7e00), c(0x7c00));
    Value* finite = b.CreateSelect(b.CreateICmpULT(magnitude, c(113u << 23)), subnormal, normal);
    Value* result = b.CreateSelect(b.CreateICmpULT(magnitude, c(0x477ff000)), finite, infinite);
    Value* sign = b.CreateAnd(b.CreateLShr(bits, c(16)), c(0x8000));
    return b.CreateTrunc(b.CreateOr(result, sign), i16);
  }
};

Value* widen(llvm::IRBuilder<>& b, const Features& features, Value* x, DType from) {
  const Bits bits(b, x->getType());
  if (from == DType::bf16) return bits.bf16_to_f32(x);
  if (!features.f16_conversion) return bits.f16_to_f32(x);
  return b.CreateFPExt(b.CreateBitCast(x, x->getType()->getWithNewType(b.getHalfTy())), bits.f32);
}

Value* narrow(llvm::IRBuilder<>& b, const Features& features, Value* x, DType to) {
  const Bits bits(b, x->getType());
  if (to == DType::bf16) return bits.f32_to_bf16(x);
  if (!features.f16_conversion) return bits.f32_to_f16(x);
  return b.CreateBitCast(b.CreateFPTrunc(x, x->getType()->getWithNewType(b.getHalfTy())), bits.i16);
}

Value* from_integer(llvm::IRBuilder<>& b, Value* x, DType from, kernel::Type to, llvm::Type* type) {
  const bool is_signed = from != DType::u8 && from != DType::boolean;
  if (is_float(to.dtype)) return is_signed ? b.CreateSIToFP(x, type) : b.CreateUIToFP(x, type);
  return b.CreateIntCast(x, type, is_signed);
}

bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

}  // namespace

llvm::Type* value_type(llvm::LLVMContext& context, kernel::Type type) {
  return with_lanes(element_type(context, type.dtype), type.lanes);
}

llvm::Type* memory_type(llvm::LLVMContext& context, kernel::Type type) {
  if (type.dtype == DType::boolean) type.dtype = DType::u8;
  return value_type(context, type);
}

Value* convert(llvm::IRBuilder<>& b, const Features& features, Value* x, kernel::Type from,
               kernel::Type to) {
  if (from.dtype == to.dtype) return x;
  if (is_half(from.dtype)) {
    const kernel::Type f32{DType::f32, from.lanes};
    return convert(b, features, widen(b, features, x, from.dtype), f32, to);
  }
  if (is_half(to.dtype)) {
    const kernel::Type f32{DType::f32, from.lanes};
    return narrow(b, features, convert(b, features, x, from, f32), to.dtype);
  }
  llvm::Type* type = value_type(b.getContext(), to);
  if (to.dtype == DType::boolean)
    return is_float(from.dtype) ? b.CreateFCmpUNE(x, llvm::ConstantFP::get(x->getType(), 0))
                                : b.CreateICmpNE(x, llvm::ConstantInt::get(x->getType(), 0));
  if (!is_float(from.dtype)) return from_integer(b, x, from.dtype, to, type);
  if (is_float(to.dtype)) return b.CreateFPCast(x, type);
  const auto saturate =
      to.dtype == DType::u8 ? llvm::Intrinsic::fptoui_sat : llvm::Intrinsic::fptosi_sat;
  return b.CreateIntrinsic(saturate, {type, x->getType()}, {x});
}

}  // namespace tempera::cpu
