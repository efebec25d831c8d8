#include "base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tempera {
namespace {

// The formats' definition, value by value: sign, exponent and mantissa fields.
double decode(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const uint32_t exponent = (bits >> mantissa_bits) & ((1u << exponent_bits) - 1);
  const bool negative = (bits >> (mantissa_bits + exponent_bits)) != 0;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  double magnitude = 0;
  if (exponent == (1u << exponent_bits) - 1)
    magnitude = mantissa == 0 ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
  else if (exponent == 0)
    magnitude = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  else
    magnitude = std::ldexp(mantissa + (1u << mantissa_bits),
                           static_cast<int>(exponent) - bias - mantissa_bits);
  return negative ? -magnitude : magnitude;
}

struct Format {
  int exponent_bits;
  int mantissa_bits;
  float (*widen)(uint16_t);
  uint16_t (*narrow)(float);
  uint32_t infinity;
};

constexpr Format kF16 = {5, 10, f16_to_f32, f32_to_f16, 0x7c00};
constexpr Format kBf16 = {8, 7, bf16_to_f32, f32_to_bf16, 0x7f80};

class HalfFormat : public testing::TestWithParam<Format> {};

TEST_P(HalfFormat, EveryPatternWidensToItsValueAndNarrowsBack) {
  const Format& f = GetParam();
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = f.widen(static_cast<uint16_t>(bits));
    const double want = decode(bits, f.exponent_bits, f.mantissa_bits);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(wide)) << std::hex << bits;
      ASSERT_TRUE(std::isnan(f.widen(f.narrow(wide)))) << std::hex << bits;
      continue;
    }
    ASSERT_EQ(static_cast<double>(wide), want) << std::hex << bits;
    ASSERT_EQ(std::signbit(wide), std::signbit(want)) << std::hex << bits;
    ASSERT_EQ(f.narrow(wide), bits) << std::hex << bits;
  }
}

// Between any two neighbours the half-way point goes to the even one and its own neighbours go to
// the nearer one.
TEST_P(HalfFormat, RoundsToNearestEvenBetweenAllNeighbours) {
  const Format& f = GetParam();
  for (uint32_t low = 0; low < f.infinity; ++low) {
    const double low_value = decode(low, f.exponent_bits, f.mantissa_bits);
    // Past the largest finite value the next step of the same size stands for infinity.
    const double high_value =
        low + 1 == f.infinity
            ? low_value + (low_value - decode(low - 1, f.exponent_bits, f.mantissa_bits))
            : decode(low + 1, f.exponent_bits, f.mantissa_bits);
    const auto middle = static_cast<float>((low_value + high_value) / 2);
    const uint32_t even = (low & 1u) == 0 ? low : low + 1;
    for (uint32_t sign : {0u, 0x8000u}) {
      const float direction = sign == 0 ? 1.0f : -1.0f;
      ASSERT_EQ(f.narrow(direction * middle), sign | even) << std::hex << low;
      ASSERT_EQ(f.narrow(direction * std::nextafter(middle, 0.0f)), sign | low) << std::hex << low;
      ASSERT_EQ(f.narrow(direction * std::nextafter(middle, INFINITY)), sign | (low + 1))
          << std::hex << low;
    }
  }
}

TEST_P(HalfFormat, OverflowAndNanKeepTheirSign) {
  const Format& f = GetParam();
  EXPECT_EQ(f.narrow(std::numeric_limits<float>::max()), f.infinity);
  EXPECT_EQ(f.narrow(-INFINITY), 0x8000u | f.infinity);
  EXPECT_EQ(f.narrow(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(f.narrow(-0.0f), 0x8000u);
  // A NaN whose payload lies only in the bits that are cut must not become infinity.
  EXPECT_TRUE(std::isnan(f.widen(f.narrow(std::bit_cast<float>(0x7f800001u)))));
}

INSTANTIATE_TEST_SUITE_P(All, HalfFormat, testing::Values(kF16, kBf16),
                         [](const auto& info) { return info.index == 0 ? "f16" : "bf16"; });

TEST(DType, NamesRoundTripAndSizesAreThoseOfTheFormats) {
  for (DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32,
                      DType::i8, DType::u8, DType::boolean})
    EXPECT_EQ(dtype_from_name(name(dtype)), dtype);
  EXPECT_EQ(dtype_from_name("float"), std::nullopt);
  EXPECT_EQ(size_in_bytes(DType::f64), 8);
  EXPECT_EQ(size_in_bytes(DType::bf16), 2);
  EXPECT_EQ(size_in_bytes(DType::boolean), 1);
}

TEST(DType, BooleanIsNeitherFloatNorInteger) {
  EXPECT_TRUE(is_float(DType::bf16));
  EXPECT_FALSE(is_float(DType::i64));
  EXPECT_TRUE(is_integer(DType::u8));
  EXPECT_FALSE(is_integer(DType::boolean));
  EXPECT_FALSE(is_float(DType::boolean));
}

}  // namespace
}  // namespace tempera
