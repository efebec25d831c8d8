#include "backend/cpu/codegen/expand_math.h"

#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <limits>
#include <numbers>
#include <vector>

#include "base/check.h"

namespace tempera::cpu {
namespace {

using llvm::Value;

// Adding and taking away this rounds a float below 2^22 (a double below 2^51) to an integer, halves
// to even, and leaves that integer in the low bits of the sum.
constexpr double kRoundF32 = 12582912.0;        // 1.5 * 2^23
constexpr double kRoundF64 = 6755399441055744;  // 1.5 * 2^52

// Arithmetic on vectors of the shape of one argument. All polynomials are minimax fits of relative
// error below 2^-27 on their interval, lowest power first.
struct Math {
  llvm::IRBuilder<>& b;
  const Features& features;
  llvm::Type* type;     // f32, any lanes
  llvm::Type* integer;  // i32, as many lanes

  Math(llvm::IRBuilder<>& builder, const Features& target, llvm::Type* f32)
      : b(builder),
        features(target),
        type(f32),
        integer(f32->getWithNewType(builder.getInt32Ty())) {}

  Value* c(double value) const { return llvm::ConstantFP::get(type, value); }
  Value* ci(int64_t value) const { return llvm::ConstantInt::get(integer, value, true); }
  Value* add(Value* x, Value* y) const { return b.CreateFAdd(x, y); }
  Value* sub(Value* x, Value* y) const { return b.CreateFSub(x, y); }
  Value* mul(Value* x, Value* y) const { return b.CreateFMul(x, y); }
  Value* fma(Value* x, Value* y, Value* z) const { return multiply_add(b, features, x, y, z); }
  Value* bits(Value* x) const { return b.CreateBitCast(x, integer); }
  Value* from_bits(Value* x) const { return b.CreateBitCast(x, type); }
  Value* abs(Value* x) const { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }
  Value* copysign(Value* x, Value* sign) const {
    return b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, x, sign);
  }
  // NaN in x stays.
  Value* at_most(Value* x, Value* y) const { return b.CreateSelect(b.CreateFCmpOLT(y, x), y, x); }
  Value* at_least(Value* x, Value* y) const { return b.CreateSelect(b.CreateFCmpOGT(y, x), y, x); }
  Value* polynomial(Value* x, std::vector<double> coefficients) const {
    Value* sum = c(coefficients.back());
    for (size_t i = coefficients.size() - 1; i-- > 0;) sum = fma(sum, x, c(coefficients[i]));
    return sum;
  }

  struct Rounded {
    Value* number;
    Value* integer;
  };
  // |x| < 2^22.
  Rounded round(Value* x) const {
    Value* shifted = add(x, c(kRoundF32));
    return {sub(shifted, c(kRoundF32)), b.CreateSub(bits(shifted), bits(c(kRoundF32)))};
  }
  // x * 2^n for n in -252 .. 254: in two steps, so that neither factor leaves the normal range,
  // where the target has no instruction for it.
  Value* scale(Value* x, const Rounded& n) const {
    if (features.scalef && lanes() == 16) return scalef(x, n.number);
    Value* half = b.CreateAShr(n.integer, ci(1));
    const auto power = [&](Value* e) {
      return from_bits(b.CreateShl(b.CreateAdd(e, ci(127)), ci(23)));
    };
    return mul(mul(x, power(half)), power(b.CreateSub(n.integer, half)));
  }
  Value* scalef(Value* x, Value* n) const {
    constexpr uint32_t kRoundAsSet = 4;
    return b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_mask_scalef_ps_512, {},
                             {x, n, x, b.getInt16(0xffff), b.getInt32(kRoundAsSet)});
  }
  unsigned lanes() const {
    const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type);
    return vector ? vector->getNumElements() : 1;
  }

  Value* exp2(Value* x) const;
  Value* exp2_bf16(Value* x) const;
  Value* exp2_of_fixed(Value* x) const;
  Value* exp(Value* x) const;
  Value* log(Value* x) const;
  Value* sin_cos(Value* x, int quarter_turns) const;
  Value* tanh(Value* x) const;
  Value* erf(Value* x) const;
};

// 2^x = 2^n * 2^f, f in [-1/2, 1/2]; the clamps lie where the result is inf and 0.
Value* Math::exp2(Value* x) const {
  x = at_most(at_least(x, c(-151)), c(129));
  const Rounded n = round(x);
  Value* f = sub(x, n.number);
  Value* p = polynomial(f, {0.6931472152, 0.240226528, 0.0555031013, 0.009617691122, 0.001340679696,
                            0.0001559508483});
  return scale(fma(f, p, c(1)), n);
}

// x 2^23 as an integer holds n and the bits of a mantissa 1 + f, where x = n + f, f in [0, 1): n
// goes to the exponent, P(1 + f) = 2^f. A product or sum in x takes the factor in its operands,
// which often do not change within a loop.
Value* Math::exp2_bf16(Value* x) const {
  if (!features.scalef || lanes() != 16) return exp2(x);
  constexpr double kFixed = 1 << 23;
  if (auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(x);
      call && call->getIntrinsicID() == llvm::Intrinsic::fma)
    return exp2_of_fixed(fma(call->getArgOperand(0), mul(call->getArgOperand(1), c(kFixed)),
                             mul(call->getArgOperand(2), c(kFixed))));
  return exp2_of_fixed(mul(x, c(kFixed)));
}

Value* Math::exp2_of_fixed(Value* x) const {
  constexpr uint32_t kRoundAsSet = 4;
  constexpr int64_t kMantissa = (1 << 23) - 1;
  Value* fixed = b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_mask_cvtps2dq_512, {},
                                   {x, ci(0), b.getInt16(0xffff), b.getInt32(kRoundAsSet)});
  fixed = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, fixed, ci(-126 * (kMantissa + 1)));
  Value* mantissa = from_bits(b.CreateOr(b.CreateAnd(fixed, ci(kMantissa)), bits(c(1))));
  Value* p = polynomial(mantissa, {0.452134311, 0.477772798, -0.00800641249, 0.0780245226});
  return from_bits(b.CreateAdd(bits(p), b.CreateAnd(fixed, ci(~kMantissa))));
}

// e^x = 2^n * e^r, r = x - n ln 2 with ln 2 in two parts, the first short enough that n * it is
// exact.
Value* Math::exp(Value* x) const {
  x = at_most(at_least(x, c(-104)), c(89));
  const Rounded n = round(mul(x, c(std::numbers::log2e)));
  constexpr double kHigh = 0.693359375;
  Value* r = fma(n.number, c(-kHigh), x);
  r = fma(n.number, c(kHigh - std::numbers::ln2), r);
  Value* p =
      polynomial(r, {0.4999999341, 0.1666652011, 0.04166839406, 0.008368780363, 0.001381447685});
  return scale(add(fma(mul(r, r), p, r), c(1)), n);
}

// log x = e ln 2 + log m, m in [sqrt 1/2, sqrt 2).
Value* Math::log(Value* x) const {
  constexpr double kSmallestNormal = std::numeric_limits<float>::min();
  constexpr int32_t kSqrtHalf = 0x3f3504f3;
  Value* subnormal = b.CreateFCmpOLT(x, c(kSmallestNormal));
  Value* normal = b.CreateSelect(subnormal, mul(x, c(8388608)), x);
  Value* above = b.CreateSub(bits(normal), ci(kSqrtHalf));
  Value* e = b.CreateAShr(above, ci(23));
  Value* m = from_bits(b.CreateSub(bits(normal), b.CreateShl(e, ci(23))));
  e = b.CreateSub(e, b.CreateSelect(subnormal, ci(23), ci(0)));
  Value* f = sub(m, c(1));
  Value* p = polynomial(f, {0.3333331261, -0.2500000961, 0.2000211852, -0.1666799516, 0.1421955439,
                            -0.1240560233, 0.1188816154, -0.1167557358, 0.06746547561});
  Value* n = b.CreateSIToFP(e, type);
  constexpr double kHigh = 0.693359375;
  Value* square = mul(f, f);
  Value* low = fma(n, c(std::numbers::ln2 - kHigh), mul(mul(square, f), p));
  Value* result = fma(n, c(kHigh), add(f, fma(square, c(-0.5), low)));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  result =
      b.CreateSelect(b.CreateFCmpULT(x, c(0)), c(std::numeric_limits<double>::quiet_NaN()), result);
  result = b.CreateSelect(b.CreateFCmpOEQ(x, c(0)), c(-kInfinity), result);
  return b.CreateSelect(b.CreateFCmpOEQ(x, c(kInfinity)), x, result);
}

// sin(x + quarter_turns * pi / 2). The range is reduced in f64, where n * kHigh is exact for n up
// to 2^20: r = x - n pi / 2 in [-pi/4, pi/4].
Value* Math::sin_cos(Value* x, int quarter_turns) const {
  llvm::Type* wide = type->getWithNewType(b.getDoubleTy());
  llvm::Type* wide_integer = type->getWithNewType(b.getInt64Ty());
  const auto d = [&](double value) { return llvm::ConstantFP::get(wide, value); };
  constexpr double kHigh = 0x1.921fb544p+0;
  constexpr double kLow = 0x1.0b4611a626331p-34;
  Value* w = b.CreateFPExt(x, wide);
  Value* shifted = b.CreateFAdd(b.CreateFMul(w, d(2 / std::numbers::pi)), d(kRoundF64));
  Value* n = b.CreateFSub(shifted, d(kRoundF64));
  Value* reduced =
      b.CreateFSub(b.CreateFSub(w, b.CreateFMul(n, d(kHigh))), b.CreateFMul(n, d(kLow)));
  Value* quadrant = b.CreateTrunc(b.CreateBitCast(shifted, wide_integer), integer);
  quadrant = b.CreateAdd(quadrant, ci(quarter_turns));
  Value* r = at_most(at_least(b.CreateFPTrunc(reduced, type), c(-0.7854)), c(0.7854));
  Value* z = mul(r, r);
  Value* s = fma(mul(r, z), polynomial(z, {-0.1666665457, 0.00833215841, -0.0001951495767}), r);
  Value* co = polynomial(z, {0.04166665462, -0.001388765192, 2.446350191e-5});
  co = fma(mul(z, z), co, fma(z, c(-0.5), c(1)));
  Value* odd = b.CreateICmpNE(b.CreateAnd(quadrant, ci(1)), ci(0));
  Value* sign = b.CreateShl(b.CreateAnd(quadrant, ci(2)), ci(30));
  return from_bits(b.CreateXor(bits(b.CreateSelect(odd, co, s)), sign));
}

// An odd polynomial below 0.625, 1 - 2 / (e^2x + 1) above.
Value* Math::tanh(Value* x) const {
  Value* a = abs(x);
  Value* z = mul(x, x);
  Value* p = polynomial(z, {-0.333333308, 0.1333320601, -0.05394676299, 0.02170070292,
                            -0.008177397684, 0.002142961468});
  Value* small = fma(mul(x, z), p, x);
  Value* denominator = add(exp(add(a, a)), c(1));
  Value* large = copysign(sub(c(1), b.CreateFDiv(c(2), denominator)), x);
  return b.CreateSelect(b.CreateFCmpOLT(a, c(0.625)), small, large);
}

// An odd polynomial below 1, 1 - e^P(x) above, where P fits log(1 - erf x) up to 3.95.
Value* Math::erf(Value* x) const {
  Value* a = at_most(abs(x), c(3.95));
  Value* z = mul(x, x);
  Value* small =
      mul(x, polynomial(z, {1.128379167, -0.3761263843, 0.1128378197, -0.02686540005,
                            0.005220945457, -0.0008482829202, 0.0001125695056, -9.64152379e-6}));
  Value* p = polynomial(a, {0.0001880360781, -1.129578406, -0.6332199274, -0.1084185424,
                            0.02520823579, -0.004204554477, 0.0004413349546, -2.168673504e-5});
  Value* large = copysign(sub(c(1), exp(p)), x);
  return b.CreateSelect(b.CreateFCmpOLT(a, c(1)), small, large);
}

}  // namespace

Value* multiply_add(llvm::IRBuilder<>& b, const Features& features, Value* x, Value* y, Value* z) {
  if (!features.fma) return b.CreateFAdd(b.CreateFMul(x, y), z);
  return b.CreateIntrinsic(x->getType(), llvm::Intrinsic::fma, {x, y, z});
}

Value* expand_math(llvm::IRBuilder<>& b, const Features& features, kernel::Intrinsic intrinsic,
                   Value* x) {
  const Math math(b, features, x->getType());
  switch (intrinsic) {
    case kernel::Intrinsic::exp:
      return math.exp(x);
    case kernel::Intrinsic::exp2:
      return math.exp2(x);
    case kernel::Intrinsic::exp2_bf16:
      return math.exp2_bf16(x);
    case kernel::Intrinsic::log:
      return math.log(x);
    case kernel::Intrinsic::sin:
      return math.sin_cos(x, 0);
    case kernel::Intrinsic::cos:
      return math.sin_cos(x, 1);
    case kernel::Intrinsic::tanh:
      return math.tanh(x);
    case kernel::Intrinsic::erf:
      return math.erf(x);
    default:
      CHECK(false, "{} is no expanded function", kernel::name(intrinsic));
      return nullptr;
  }
}

}  // namespace tempera::cpu
