#include "tensor_file/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace tempera {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Converts through buffers that are aligned to nothing.
template <typename From, typename To>
std::vector<To> converted(DType from, const std::vector<From>& values, DType to) {
  std::vector<std::byte> in(values.size() * sizeof(From) + 1);
  std::vector<std::byte> out(values.size() * sizeof(To) + 1);
  std::memcpy(in.data() + 1, values.data(), values.size() * sizeof(From));
  convert(from, std::span(in).subspan(1), to, std::span(out).subspan(1));
  std::vector<To> result(values.size());
  std::memcpy(result.data(), out.data() + 1, result.size() * sizeof(To));
  return result;
}

std::vector<uint16_t> all_patterns() {
  std::vector<uint16_t> patterns(0x10000);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  return patterns;
}

bool same(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

TEST(Convert, WideningEqualsTheSingleConversionForEveryPattern) {
  const std::vector<uint16_t> patterns = all_patterns();
  std::vector<float> f16(patterns.size());
  std::vector<float> bf16(patterns.size());
  widen_to_f32(DType::f16, std::as_bytes(std::span(patterns)), f16);
  widen_to_f32(DType::bf16, std::as_bytes(std::span(patterns)), bf16);
  for (size_t i = 0; i < patterns.size(); ++i) {
    ASSERT_TRUE(same(f16[i], f16_to_f32(patterns[i]))) << std::hex << i;
    ASSERT_TRUE(same(bf16[i], bf16_to_f32(patterns[i]))) << std::hex << i;
  }
}

TEST(Convert, EveryHalfSurvivesTheWayThroughWiderFloats) {
  const std::vector<uint16_t> patterns = all_patterns();
  for (DType half : {DType::f16, DType::bf16}) {
    const auto wide = converted<uint16_t, float>(half, patterns, DType::f32);
    const auto wider = converted<float, double>(DType::f32, wide, DType::f64);
    const auto back = converted<double, uint16_t>(DType::f64, wider, half);
    for (size_t i = 0; i < patterns.size(); ++i)
      if (!std::isnan(wide[i])) {
        ASSERT_EQ(back[i], patterns[i]);
      }
  }
}

TEST(Convert, F64RoundsOnceToSixteenBits) {
  // Just above half way between two f16: rounding to f32 first would land on half way, then go to
  // the even one below.
  const double above = 1.0 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
  const double below = 1.0 + 3 * std::ldexp(1.0, -11) - std::ldexp(1.0, -40);
  const auto f16 = converted<double, uint16_t>(
      DType::f64, {above, below, -above, 1e300, kInf, kNan}, DType::f16);
  EXPECT_EQ(f16[0], 0x3c01);
  EXPECT_EQ(f16[1], 0x3c01);
  EXPECT_EQ(f16[2], 0xbc01);
  EXPECT_EQ(f16[3], 0x7c00);
  EXPECT_EQ(f16[4], 0x7c00);
  EXPECT_TRUE(std::isnan(f16_to_f32(f16[5])));
}

TEST(Convert, FloatsToIntegersCutAndSaturate) {
  const std::vector<double> values = {1.9, -1.9, 300, -300, kNan, kInf, -kInf, 1e19};
  EXPECT_EQ((converted<double, int8_t>(DType::f64, values, DType::i8)),
            (std::vector<int8_t>{1, -1, 127, -128, 0, 127, -128, 127}));
  EXPECT_EQ((converted<double, uint8_t>(DType::f64, values, DType::u8)),
            (std::vector<uint8_t>{1, 0, 255, 0, 0, 255, 0, 255}));
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  EXPECT_EQ((converted<double, int64_t>(DType::f64, values, DType::i64)),
            (std::vector<int64_t>{1, -1, 300, -300, 0, kMax, kMin, kMax}));
  EXPECT_EQ((converted<float, int32_t>(DType::f32, {2147483648.0f, -2147483648.0f, 2147483520.0f},
                                       DType::i32)),
            (std::vector<int32_t>{std::numeric_limits<int32_t>::max(),
                                  std::numeric_limits<int32_t>::min(), 2147483520}));
}

TEST(Convert, IntegersKeepTheirValue) {
  EXPECT_EQ((converted<int64_t, int32_t>(DType::i64, {16777217, -5, int64_t{1} << 40}, DType::i32)),
            (std::vector<int32_t>{16777217, -5, std::numeric_limits<int32_t>::max()}));
  const int64_t odd = (int64_t{1} << 62) + 1;
  EXPECT_EQ((converted<int64_t, int64_t>(DType::i64, {odd}, DType::i64)),
            (std::vector<int64_t>{odd}));
  EXPECT_EQ((converted<uint8_t, float>(DType::u8, {0, 200}, DType::f32)),
            (std::vector<float>{0, 200}));
}

TEST(Convert, BooleanIsNotZero) {
  EXPECT_EQ((converted<float, uint8_t>(DType::f32, {0.0f, -0.0f, 0.25f, -3.0f}, DType::boolean)),
            (std::vector<uint8_t>{0, 0, 1, 1}));
  EXPECT_EQ((converted<uint8_t, float>(DType::boolean, {0, 1, 2}, DType::f32)),
            (std::vector<float>{0, 1, 1}));
}

TEST(Convert, LengthsThatDoNotMatchAreInternalErrors) {
  std::vector<float> out(3);
  const std::vector<std::byte> bytes(4);
  EXPECT_THROW(widen_to_f32(DType::f16, bytes, out), InternalError);
  EXPECT_THROW(convert(DType::f16, std::span(bytes).first(3), DType::f32,
                       std::as_writable_bytes(std::span(out))),
               InternalError);
}

}  // namespace
}  // namespace tempera
