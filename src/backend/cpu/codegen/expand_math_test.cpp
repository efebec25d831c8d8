#include <cmath>
#include <limits>

#include "backend/cpu/codegen/test_library.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

constexpr int kCount = 1 << 14;

struct Row {
  Intrinsic intrinsic;
  double (*exact)(double);
  double low, high;
  double ulps;
  double absolute = 0;  // a smaller error than this is always good
};
const Row kRows[] = {
    {Intrinsic::exp, std::exp, -103, 88.7, 4},    {Intrinsic::exp, std::exp, -1, 1, 4},
    {Intrinsic::exp2, std::exp2, -149, 127.9, 4}, {Intrinsic::exp2, std::exp2, -1, 1, 4},
    {Intrinsic::log, std::log, 1e-45, 1e-37, 4},  {Intrinsic::log, std::log, 0.5, 2, 4},
    {Intrinsic::log, std::log, 1e-30, 3e38, 4},   {Intrinsic::sin, std::sin, -4, 4, 4},
    {Intrinsic::sin, std::sin, -1e5, 1e5, 4},     {Intrinsic::cos, std::cos, -4, 4, 4},
    {Intrinsic::cos, std::cos, -1e5, 1e5, 4},     {Intrinsic::tanh, std::tanh, -2, 2, 4},
    {Intrinsic::tanh, std::tanh, -30, 30, 4},     {Intrinsic::erf, std::erf, -2, 2, 4},
    {Intrinsic::erf, std::erf, -6, 6, 4},
};

double ulp_of(double exact) {
  const auto narrow = static_cast<float>(std::fabs(exact));
  return static_cast<double>(std::nextafter(narrow, std::numeric_limits<float>::infinity())) -
         narrow;
}

Kernel apply(Intrinsic intrinsic, const Buffer& x, const Buffer& y) {
  return {"apply", {x, y}, grid("i", kCount / 16, [&](Expr i) {
            return store(y, ramp(i * 16, 1, 16), call(intrinsic, {load(x, ramp(i * 16, 1, 16))}));
          })};
}

void run(Intrinsic intrinsic, const Memory& in, const Memory& out, const Buffer& x, const Buffer& y,
         const char* cpu) {
  const LoadedKernel loaded(apply(intrinsic, x, y), *target_from_flag(cpu));
  loaded(std::vector<void*>{in.data, out.data}, 0, kCount / 16);
}

class ExpandMath : public testing::Test {
 protected:
  Buffer x = make_buffer("x", {DType::f32, 1}, Space::global, kCount);
  Buffer y = make_buffer("y", {DType::f32, 1}, Space::global, kCount, true);
  Memory in{x}, out{y};
};

TEST_F(ExpandMath, StaysWithinItsBounds) {
  for (const char* cpu : {"native", "x86-64-v2"})
    for (const Row& row : kRows) {
      for (int i = 0; i < kCount; ++i)
        in.as<float>()[i] = static_cast<float>(row.low + (row.high - row.low) * i / (kCount - 1));
      run(row.intrinsic, in, out, x, y, cpu);
      double worst = 0;
      for (int i = 0; i < kCount; ++i) {
        const double exact = row.exact(in.as<float>()[i]);
        const double off = std::fabs(out.as<float>()[i] - exact);
        if (off > row.absolute) worst = std::max(worst, off / ulp_of(exact));
      }
      EXPECT_LE(worst, row.ulps) << name(row.intrinsic) << " in " << row.low << " .. " << row.high
                                 << " on " << cpu;
      std::printf("%s %g..%g %s: %.2f ulp\n", std::string(name(row.intrinsic)).c_str(), row.low,
                  row.high, cpu, worst);
    }
}

// A product under exp2_bf16 takes its factor of 2^23 in an operand; both forms are tried.
TEST_F(ExpandMath, Exp2ForBf16IsWithinItsBoundAndEndsAtZero) {
  const auto apply_to = [&](const std::function<Expr(Expr)>& argument) {
    const Kernel kernel = {"apply", {x, y}, grid("i", kCount / 16, [&](Expr i) {
                             const Expr at = ramp(i * 16, 1, 16);
                             return store(y, at,
                                          call(Intrinsic::exp2_bf16, {argument(load(x, at))}));
                           })};
    const LoadedKernel loaded(kernel);
    loaded(std::vector<void*>{in.data, out.data}, 0, kCount / 16);
  };
  for (int i = 0; i < kCount; ++i)
    in.as<float>()[i] = -125 + 250 * static_cast<float>(i) / (kCount - 1);
  apply_to([](const Expr& value) { return value; });
  for (int i = 0; i < kCount; ++i)
    ASSERT_NEAR(out.as<float>()[i] / std::exp2(double(in.as<float>()[i])), 1, 0x1p-13) << i;
  apply_to([](const Expr& value) {
    return fma(value, constant(value->type, 0.25), constant(value->type, -7));
  });
  for (int i = 0; i < kCount; ++i)
    ASSERT_NEAR(out.as<float>()[i] / std::exp2(0.25 * double(in.as<float>()[i]) - 7), 1, 0x1p-13);
  const float inf = std::numeric_limits<float>::infinity();
  for (int i = 0; i < kCount; ++i)
    in.as<float>()[i] = std::vector<float>{-inf, -3.4e38f, -200, -126.5f}[size_t(i) % 4];
  apply_to([](const Expr& value) { return value; });
  for (int i = 0; i < kCount; ++i) {
    ASSERT_GE(out.as<float>()[i], 0) << i;
    ASSERT_LE(out.as<float>()[i], 0x1p-126) << i;
  }
}

TEST_F(ExpandMath, SpecialValuesAreIeee) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> special = {0,    -0.0f, inf,     -inf,   nan,    -1,   1,
                                      1000, -1000, 3.4e38f, 1e-45f, -200.f, 1e9f, -1e20f};
  for (int i = 0; i < kCount; ++i)
    in.as<float>()[i] = special[static_cast<size_t>(i) % special.size()];
  for (const Row& row : kRows) {
    run(row.intrinsic, in, out, x, y, "native");
    for (size_t i = 0; i < special.size(); ++i) {
      const auto exact = static_cast<float>(row.exact(special[i]));
      const float ours = out.as<float>()[i];
      const bool beyond = std::fabs(special[i]) > 1e6f && std::isfinite(special[i]) &&
                          (row.intrinsic == Intrinsic::sin || row.intrinsic == Intrinsic::cos);
      if (beyond)
        EXPECT_LE(std::fabs(ours), 1) << special[i];
      else if (std::isnan(exact))
        EXPECT_TRUE(std::isnan(ours)) << name(row.intrinsic) << " of " << special[i];
      else
        EXPECT_FLOAT_EQ(ours, exact) << name(row.intrinsic) << " of " << special[i];
    }
  }
}

}  // namespace
}  // namespace tempera::cpu
