#include "kernel/interpret.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "base/tensor.h"
#include "kernel/parse.h"

namespace tempera::kernel {
namespace {

Kernel parsed(const std::string& text) {
  Result<Kernel> kernel = parse_kernel(text);
  EXPECT_TRUE(kernel.ok()) << kernel.error().message;
  return *std::move(kernel);
}

void run(const std::string& text, std::vector<Tensor*> tensors) {
  std::vector<std::span<std::byte>> buffers;
  for (Tensor* tensor : tensors) buffers.emplace_back(tensor->data);
  const Status status = interpret(parsed(text), buffers);
  EXPECT_TRUE(status.ok()) << status.error().message;
}

// The values of an f32 expression of `a`, one a grid iteration i.
std::vector<float> each(const std::string& expression, const std::vector<float>& a) {
  Tensor in = Tensor::of<float>(DType::f32, {static_cast<int64_t>(a.size())}, a);
  Tensor out(DType::f32, {static_cast<int64_t>(a.size())});
  run(fmt::format("kernel k(a: f32[{0}] global, c: f32[{0}] global mut) {{ grid i in 0..{0} {{ "
                  "c[i] = {1} }} }}",
                  a.size(), expression),
      {&in, &out});
  const auto values = out.as<float>();
  return {values.begin(), values.end()};
}

using Floats = std::vector<float>;

TEST(Interpret, IntegerDivisionRoundsDown) {
  EXPECT_EQ(each("f32(i32(a[i]) / 3)", {-4, -3, -1, 0, 2, 3}), Floats({-2, -1, -1, 0, 0, 1}));
  EXPECT_EQ(each("f32(i32(a[i]) % 3)", {-4, -3, -1, 0, 2, 3}), Floats({2, 0, 2, 0, 2, 0}));
  EXPECT_EQ(each("f32(i32(a[i]) / -3)", {-4, 4}), Floats({1, -2}));
  EXPECT_EQ(each("f32(i32(a[i]) % -3)", {-4, 4}), Floats({-1, -2}));
}

TEST(Interpret, CastsToIntegersSaturateOrWrap) {
  EXPECT_EQ(each("f32(i32(a[i]))", {-1.9F, 1.9F, 3e9F, NAN}), Floats({-1, 1, 2147483648.0F, 0}));
  EXPECT_EQ(each("f32(u8(a[i]))", {-5, 255.9F, 300}), Floats({0, 255, 255}));
  EXPECT_EQ(each("f32(i8(i32(a[i])))", {127, 128, 255}), Floats({127, -128, -1}));
  EXPECT_EQ(each("f32(i64(a[i]) == 9223372036854775807i64)", {1e30F, 1}), Floats({1, 0}));
  EXPECT_EQ(each("f32(bool(a[i]))", {0, 0.25F, -3}), Floats({0, 1, 1}));
}

TEST(Interpret, MinAndMaxGiveTheSecondOperandForNan) {
  EXPECT_EQ(each("min(a[i], 2.0)", {1, 3, NAN}), Floats({1, 2, 2}));
  EXPECT_TRUE(std::isnan(each("max(2.0, a[i])", {NAN})[0]));
  EXPECT_EQ(each("f32(a[i] != a[i]) + f32(a[i] <= a[i]) * 2.0", {NAN, 1}), Floats({1, 2}));
}

TEST(Interpret, SixteenBitFloatsRoundAfterEachOperation) {
  EXPECT_EQ(each("f32(f16(a[i]) + 1.0f16)", {2048, 2050}), Floats({2048, 2052}));
  EXPECT_EQ(each("f32(bf16(a[i]) * 3.0bf16)", {1.0078125F}), Floats({3.03125F}));
}

TEST(Interpret, IntrinsicsMatchTheirDefinitions) {
  EXPECT_EQ(each("fma(a[i], a[i], -1.0)", {1.0000001F}),
            Floats({std::fma(1.0000001F, 1.0000001F, -1.0F)}));
  EXPECT_EQ(each("round(a[i]) + floor(a[i]) * 10.0 + ceil(a[i]) * 100.0", {2.5F, -0.5F}),
            Floats({322, -10}));
  EXPECT_EQ(each("exp(a[i]) + log(a[i]) + sqrt(a[i]) + abs(-a[i])", {1}),
            Floats({static_cast<float>(std::exp(1.0)) + 0 + 1 + 1}));
  EXPECT_EQ(each("rsqrt(a[i])", {4}), Floats({0.5F}));
  EXPECT_EQ(each("reduce_add(a[ramp(0, 1, 4)]) + reduce_max(a[ramp(0, 1, 4)])", {1, 2, 3, 4})[0],
            14);
}

TEST(Interpret, MaskedLanesAreNotTouched) {
  EXPECT_EQ(each("reduce_add(a[ramp(i, 1, 4), ramp(i, 1, 4) < broadcast(3, 4)])", {1, 2, 4}),
            Floats({7, 6, 4}));
  Tensor c(DType::i32, {3});
  run(R"(kernel k(c: i32[3] global mut) {
    c[ramp(0, 1, 4), ramp(0, 1, 4) < broadcast(3, 4)] = ramp(5, -2, 4)
  })",
      {&c});
  EXPECT_EQ(c, Tensor::of<int32_t>(DType::i32, {3}, {5, 3, 1}));
}

TEST(Interpret, VectorRegistersHoldTheirValues) {
  Tensor a = Tensor::of<float>(DType::f32, {8}, {0, 1, 2, 3, 4, 5, 6, 7});
  Tensor c(DType::f32, {8});
  run(R"(kernel k(a: f32[8] global, c: f32[8] global mut) {
    registers r: f32x4[2]
    unroll u in 0..2 { r[u] = a[ramp(u * 4, 1, 4)] }
    r[1, ramp(0, 1, 4) < broadcast(1, 4)] = broadcast(9.0, 4)
    for u in 0..2 { c[ramp(u, 2, 4)] = r[u] * r[0] }
  })",
      {&a, &c});
  EXPECT_EQ(c, Tensor::of<float>(DType::f32, {8}, {0, 0, 1, 5, 4, 12, 9, 21}));
}

TEST(Interpret, LanesSeeEachOthersWritesAfterABarrier) {
  Tensor a =
      Tensor::of<int32_t>(DType::i32, {16}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  Tensor c(DType::i32, {16});
  run(R"(kernel reverse(a: i32[16] global, c: i32[16] global mut) {
    grid g in 0..2 {
      workgroup t: i32[8]
      lane y in 0..2 {
        lane x in 0..4 {
          let id = y * 4 + x
          registers mine: i32[1]
          mine[0] = a[g * 8 + id]
          for turn in 0..3 {
            barrier
            t[id] = mine[0]
            barrier
            mine[0] = t[7 - id] + 100
          }
          c[g * 8 + id] = mine[0]
        }
      }
    }
  })",
      {&a, &c});
  EXPECT_EQ(c, Tensor::of<int32_t>(DType::i32, {16},
                                   {307, 306, 305, 304, 303, 302, 301, 300, 315, 314, 313, 312, 311,
                                    310, 309, 308}));
}

TEST(Interpret, ABarrierThatSomeLanesMissIsFound) {
  const Kernel kernel = parsed("kernel k() { lane x in 0..4 { if x < 2 { barrier } } }");
  EXPECT_THROW((void)interpret(kernel, {}), InternalError);
}

TEST(Interpret, AccessOutOfRangeNamesBufferIndexAndSize) {
  Tensor c(DType::i32, {3});
  std::vector<std::span<std::byte>> buffers = {c.data};
  try {
    (void)interpret(parsed("kernel k(cells: i32[3] global mut) { for i in 0..9 { cells[i] = i } }"),
                    buffers);
    FAIL();
  } catch (const InternalError& failure) {
    EXPECT_NE(std::string(failure.what()).find("store of cells[3], which holds 3"),
              std::string::npos);
  }
}

TEST(Interpret, PartOfAGridCountsRowMajor) {
  const Kernel kernel = parsed(R"(kernel k(c: i32[6] global mut) {
    grid y in 1..3 { grid x in 0..3 { c[(y - 1) * 3 + x] = y * 10 + x } } })");
  EXPECT_EQ(grid_extent(kernel), 6);
  Tensor c(DType::i32, {6});
  std::vector<std::span<std::byte>> buffers = {c.data};
  ASSERT_TRUE(interpret(kernel, buffers, 2, 5).ok());
  EXPECT_EQ(c, Tensor::of<int32_t>(DType::i32, {6}, {0, 0, 12, 20, 21, 0}));
}

TEST(Interpret, BuffersThatDoNotFitAreRefused) {
  const Kernel kernel = parsed("kernel k(cells: i32[3] global mut) { cells[0] = 1 }");
  EXPECT_EQ(interpret(kernel, {}).error().message, "kernel k takes 1 buffers, not 0");
  Tensor c(DType::i32, {2});
  std::vector<std::span<std::byte>> buffers = {c.data};
  EXPECT_EQ(interpret(kernel, buffers).error().message, "kernel k: buffer cells has 8 bytes of 12");
}

TEST(Interpret, LanesRepeatAndInterleave) {
  Tensor c(DType::i32, {8});
  run(R"(kernel k(c: i32[8] global mut) {
    c[ramp(0, 1, 8)] = interleave(repeat(ramp(1, 1, 2), 4), ramp(10, 1, 4)) })",
      {&c});
  EXPECT_EQ(c, Tensor::of<int32_t>(DType::i32, {8}, {1, 10, 2, 11, 1, 12, 2, 13}));
}

TEST(Interpret, ARampOfARampReadsAndWritesRows) {
  Tensor in = Tensor::of<float>(DType::f32, {12}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  Tensor out(DType::f32, {6});
  run("kernel k(a: f32[12] global, c: f32[6] global mut) {"
      "  c[ramp(ramp(4, 1, 2), -2, 6)] = a[ramp(ramp(1, 1, 2), 4, 6)] }",
      {&in, &out});
  EXPECT_EQ(out.as<float>()[0], 9);
  EXPECT_EQ(out.as<float>()[3], 6);
  EXPECT_EQ(out.as<float>()[4], 1);
}

TEST(Interpret, AMatrixDotSumsEvenAndOddProductsApart) {
  // 2 x 4 times 4 x 3: b[k, n] lies at [k / 2][n][k % 2] and is 10 k + n; a[m, k] is m + k.
  Tensor a = Tensor::of<float>(DType::f32, {8}, {0, 1, 2, 3, 1, 2, 3, 4});
  Tensor b = Tensor::of<float>(DType::f32, {12}, {0, 10, 1, 11, 2, 12, 20, 30, 21, 31, 22, 32});
  Tensor c(DType::f32, {6});
  run("kernel k(a: f32[8] global, b: f32[12] global, c: f32[6] global mut) {"
      "  c[ramp(0, 1, 6)] = matrix_dot(broadcast(0.5, 6), bf16(a[ramp(0, 1, 8)]),"
      "    bf16(b[ramp(0, 1, 12)])) }",
      {&a, &b, &c});
  const auto got = c.as<float>();
  EXPECT_EQ(Floats(got.begin(), got.end()),
            Floats({140.5F, 146.5F, 152.5F, 200.5F, 210.5F, 220.5F}));
  // In order of k, 2^24 + 1 - 2^24 + 1 is 1: 1 is lost beside 2^24. Apart they are 0 and 2.
  Tensor left = Tensor::of<float>(DType::f32, {4}, {16777216, 1, -16777216, 1});
  Tensor sum(DType::f32, {1});
  run("kernel k(a: f32[4] global, c: f32[1] global mut) {"
      "  c[0] = matrix_dot(0.0, bf16(a[ramp(0, 1, 4)]), broadcast(bf16(1.0), 4)) }",
      {&left, &sum});
  EXPECT_EQ(sum.as<float>()[0], 2);
}

TEST(Interpret, DotProductsOfBytesAndBf16) {
  Tensor c(DType::i32, {2});
  run(R"(kernel k(c: i32[2] global mut) {
    c[ramp(0, 1, 2)] = i8_dot(ramp(1, 1, 2), broadcast(200u8, 8), i8(ramp(-4, 1, 8))) })",
      {&c});
  EXPECT_EQ(c, Tensor::of<int32_t>(DType::i32, {2}, {1 - 2000, 2 + 1200}));
}

}  // namespace
}  // namespace tempera::kernel
