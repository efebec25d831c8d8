#include "api/compile/precision.h"

#include <gtest/gtest.h>

namespace tempera::api {
namespace {

std::string fault(const PrecisionNames& names) {
  const auto precision = precision_from_names(names, DType::bf16);
  return precision.ok() ? "" : precision.error().message;
}

TEST(PrecisionNames, MeanF32UnlessTheySayOtherwise) {
  EXPECT_EQ(*precision_from_names({}, DType::bf16), graph::Precision{});
  const graph::Precision brain{DType::bf16, DType::bf16, DType::bf16};
  EXPECT_EQ(*precision_from_names({"bf16", ""}, DType::f32), brain);
  EXPECT_EQ(*precision_from_names({"auto", ""}, DType::bf16), brain);
  EXPECT_EQ(precision_from_names({"auto", "int8"}, DType::f16)->weights, DType::i8);
  EXPECT_EQ(*precision_from_names({"f32", "f16"}, DType::f32),
            graph::Precision{.weights = DType::f16});
}

TEST(PrecisionNames, ComeBackFromWhatTheyMean) {
  for (const PrecisionNames& names :
       {PrecisionNames{"f32", "f32"}, {"f32", "bf16"}, {"bf16", "int8"}, {"f16", "f16"}}) {
    const PrecisionNames again = names_of(*precision_from_names(names, DType::f32));
    EXPECT_EQ(again.precision, names.precision);
    EXPECT_EQ(again.weights, names.weights);
  }
}

TEST(PrecisionNames, SayWhatIsWrongWithThem) {
  EXPECT_EQ(fault({"fp16", ""}),
            "unknown precision 'fp16'; it may be auto, f32, bf16, f16; did you mean 'f16'?");
  EXPECT_EQ(fault({"", "int4"}),
            "unknown weights 'int4'; it may be f32, bf16, f16, int8; did you mean 'int8'?");
  EXPECT_EQ(fault({"auto", "f16"}),
            "weights of f16 do not go with products of bf16; pass --weights bf16 or int8, or leave "
            "it out");
}

// Rates of a Zen 5, of an Emerald Rapids without AMX, and of an AVX2 machine.
TEST(FastestArithmetic, MustWinByAFifth) {
  EXPECT_EQ(fastest_arithmetic({.f32_fma = 118, .bf16_dot = 235}), DType::bf16);
  EXPECT_EQ(fastest_arithmetic({.f32_fma = 198, .bf16_dot = 99, .f16_fma = 390}), DType::f16);
  EXPECT_EQ(fastest_arithmetic({.f32_fma = 198, .bf16_dot = 99}), DType::f32);
  EXPECT_EQ(
      fastest_arithmetic({.f32_fma = 198, .bf16_dot = 99, .bf16_matrix = 1500, .f16_fma = 390}),
      DType::bf16);
  EXPECT_EQ(fastest_arithmetic({.f32_fma = 100, .bf16_dot = 119, .f16_fma = 119}), DType::f32);
  EXPECT_EQ(fastest_arithmetic({.f32_fma = 60}), DType::f32);
}

}  // namespace
}  // namespace tempera::api
