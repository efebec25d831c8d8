#include "kernel/simplify.h"

#include <gtest/gtest.h>

#include "kernel/parse.h"
#include "kernel/print.h"

namespace tempera::kernel {
namespace {

Type vector(DType dtype, int lanes) { return {dtype, lanes}; }

// Variables: i in 0..9, j in 0..3, k in 0..63, t, u >= 0 and n of any sign; b and d bools.
std::string simple(const std::string& text) {
  static const std::unordered_map<std::string, Expr> names = {
      {"i", variable("i")},
      {"j", variable("j")},
      {"k", variable("k")},
      {"t", variable("t")},
      {"u", variable("u")},
      {"n", variable("n")},
      {"b", variable("b", {DType::boolean, 1})},
      {"d", variable("d", {DType::boolean, 1})},
      {"f", variable("f", {DType::f32, 1})},
      {"v", variable("v", vector(DType::f32, 4))}};
  const auto range = [](int64_t last) { return Range{0, last, 1, 0}; };
  const Result<Expr> e = parse_expr(text, names);
  if (!e.ok()) return e.error().message;
  return to_string(simplify(*e, {{names.at("i").get(), range(9)},
                                 {names.at("j").get(), range(3)},
                                 {names.at("k").get(), range(63)},
                                 {names.at("t").get(), range(1 << 20)},
                                 {names.at("u").get(), range(1 << 20)}}));
}

TEST(Simplify, SumsAreCollected) {
  EXPECT_EQ(simple("i + j + i * 3 - j"), "i * 4");
  EXPECT_EQ(simple("(n + 1) * 4 - (n + 2) * 3"), "n - 2");
  EXPECT_EQ(simple("3 - n - 3"), "n * -1");
  EXPECT_EQ(simple("i * 0 + 7"), "7");
  EXPECT_EQ(simple("n * i - i * n"), "0");
}

TEST(Simplify, QuotientAndRemainderJoin) {
  EXPECT_EQ(simple("t / 5 * 20 + t % 5 * 4"), "t * 4");
  EXPECT_EQ(simple("t / 15 * 15 + t / 3 % 5 * 3 + t % 3"), "t");
  EXPECT_EQ(simple("t / 3 % 5 * 3 + t % 3"), "t % 15");
  EXPECT_EQ(simple("(t * 8 + u) / 16 * 16 + (t * 8 + u) % 16"), "t * 8 + u");
}

TEST(Simplify, DivisionByConstants) {
  EXPECT_EQ(simple("(t * 10 + i) / 10"), "t");
  EXPECT_EQ(simple("(t * 10 + i) % 10"), "i");
  EXPECT_EQ(simple("(t * 16 + j * 4 + j) / 16"), "t");
  EXPECT_EQ(simple("(t * 64 + j * 16 + i) / 32"), "t * 2 + j / 2");
  EXPECT_EQ(simple("(t * 64 + j * 16 + i) % 32"), "j % 2 * 16 + i");
  EXPECT_EQ(simple("(t * 4 + 2) / 4"), "t");
  EXPECT_EQ(simple("(t * 4 + 6) % 8"), "(t + 1) % 2 * 4 + 2");
  EXPECT_EQ(simple("t / 3 / 5"), "t / 15");
  EXPECT_EQ(simple("t % 15 / 3"), "t / 3 % 5");
  EXPECT_EQ(simple("t % 15 % 5"), "t % 5");
  EXPECT_EQ(simple("(n * 4 + j) / 4 + (n * 4 + j) % 4"), "n + j");
  EXPECT_EQ(simple("k / 64 + k % 64"), "k");
}

TEST(Simplify, ComparisonsByRange) {
  EXPECT_EQ(simple("i < 10 && b"), "b");
  EXPECT_EQ(simple("i + j * 10 < 40"), "true");
  EXPECT_EQ(simple("i + n < n"), "false");
  EXPECT_EQ(simple("t * 4 + 1 == u * 2"), "false");
  EXPECT_EQ(simple("n * 4 + 3 < 16"), "n < 4");
  EXPECT_EQ(simple("!(n < 5)"), "4 < n");
  EXPECT_EQ(simple("min(6, 66 - k)"), "min(6, 66 - k)");
  EXPECT_EQ(simple("min(6, 66 - i * 6)"), "6");
  EXPECT_EQ(simple("max(i, 0 - j)"), "i");
  EXPECT_EQ(simple("select(i < 10, f, 1.0)"), "f");
}

TEST(Simplify, Lanes) {
  EXPECT_EQ(simple("ramp(i, 1, 8) + broadcast(j, 8) * broadcast(4, 8)"), "ramp(i + j * 4, 1, 8)");
  EXPECT_EQ(simple("ramp(i, 2, 8) * broadcast(3, 8)"), "ramp(i * 3, 6, 8)");
  EXPECT_EQ(simple("(ramp(t * 16, 1, 16) + broadcast(320, 16)) / broadcast(64, 16)"),
            "broadcast(t / 4 + 5, 16)");
  EXPECT_EQ(simple("ramp(t * 16, 1, 16) % broadcast(64, 16)"), "ramp(t % 4 * 16, 1, 16)");
  EXPECT_EQ(simple("ramp(t * 8, 1, 16) % broadcast(64, 16)"),
            "ramp(t * 8, 1, 16) % broadcast(64, 16)");
  EXPECT_EQ(simple("ramp(t, 8, 4) / broadcast(4, 4)"), "ramp(t / 4, 2, 4)");
  EXPECT_EQ(simple("ramp(i, 1, 8) < broadcast(17, 8)"), "broadcast(true, 8)");
  EXPECT_EQ(simple("ramp(i, 1, 8) - ramp(j, 1, 8)"), "broadcast(i - j, 8)");
  EXPECT_EQ(simple("v * broadcast(f, 4) + broadcast(f, 4) * broadcast(2.0, 4)"),
            "v * broadcast(f, 4) + broadcast(f * 2.0, 4)");
  EXPECT_EQ(simple("extract(ramp(i, 3, 4), 2)"), "i + 6");
  EXPECT_EQ(simple("extract(ramp(ramp(i, 3, 2), 10, 8), 5)"), "i + 23");
  EXPECT_EQ(simple("ramp(ramp(i + i, 1, 2), 0, 4)"), "repeat(ramp(i * 2, 1, 2), 4)");
  EXPECT_EQ(simple("ramp(ramp(i, 1, 4), 8, 16) < broadcast(100, 16)"), "broadcast(true, 16)");
}

TEST(Simplify, VectorsOfIndicesJoinAgain) {
  const std::string v = "ramp(k * 4, 1, 4)";
  const auto by = [](int n) { return " broadcast(" + std::to_string(n) + ", 4)"; };
  EXPECT_EQ(simple(v + " /" + by(11) + " *" + by(11) + " + " + v + " %" + by(11)), v);
  EXPECT_EQ(simple(v + " /" + by(77) + " *" + by(77) + " + " + v + " /" + by(11) + " %" + by(7) +
                   " *" + by(11) + " + " + v + " %" + by(11)),
            v);
  EXPECT_EQ(simple("broadcast(3, 4) + " + v + " /" + by(11) + " + ramp(j, 2, 4) -" + by(3)),
            v + " /" + by(11) + " + ramp(j, 2, 4)");
  EXPECT_EQ(simple(v + " /" + by(11) + " %" + by(24)), v + " /" + by(11));
}

TEST(Simplify, FloatsKeepEveryBit) {
  EXPECT_EQ(simple("f * 1.0 - 0.0"), "f");
  EXPECT_EQ(simple("f + 0.0"), "f + 0.0");
  EXPECT_EQ(simple("f * 0.0"), "f * 0.0");
  EXPECT_EQ(simple("f - -0.0"), "f - -0.0");
  EXPECT_EQ(simple("0.1 + 0.2"), "0.3");
  EXPECT_EQ(simple("f == f"), "f == f");
  EXPECT_EQ(simple("!(f < 1.0)"), "!(f < 1.0)");
}

std::string simple_kernel(const std::string& text) {
  const Result<Kernel> kernel = parse_kernel(text);
  return kernel.ok() ? to_string(simplify(*kernel)) : kernel.error().message;
}

TEST(Simplify, Statements) {
  EXPECT_EQ(simple_kernel(R"(kernel k(a: f32[99] global, c: f32[99] global mut) {
    grid g in 0..1 {
      for m in 0..16 {
        let row = m * 6 + g
        let q = m / 3
        let unused = m % 3
        for i in 0..6 {
          let once = a[row + i] * 2.0
          if row + i < 96 { c[row + i] = once } else { c[0] = 1.0 }
          c[ramp(0, 1, 8), ramp(row + i, 1, 8) < broadcast(103, 8)] = a[ramp(q + q, 0, 8)]
        }
        for none in 3..3 { c[0] = 1.0 }
        if 200 < row { c[1] = 2.0 }
      }
    }
  })"),
            R"(kernel k(a: f32[99] global, c: f32[99] global mut) {
  for m in 0..16 {
    let q = m / 3
    for i in 0..6 {
      let once = a[m * 6 + i] * 2.0
      c[m * 6 + i] = once
      c[ramp(0, 1, 8)] = broadcast(a[q * 2], 8)
    }
  }
}
)");
}

TEST(Simplify, ABranchKnowsItsCondition) {
  EXPECT_EQ(simple_kernel(R"(kernel k(c: f32[77] global mut) {
    grid m in 0..13 {
      if m * 6 + 5 < 77 {
        for i in 0..6 { if m * 6 + i < 77 { c[m * 6 + i] = 1.0 } }
      } else {
        for i in 0..6 { if m * 6 + i < 77 { c[m * 6 + i] = 2.0 } }
      }
    }
  })"),
            R"(kernel k(c: f32[77] global mut) {
  grid m in 0..13 {
    if m < 12 {
      for i in 0..6 {
        c[m * 6 + i] = 1.0
      }
    } else {
      for i in 0..6 {
        if i < 5 {
          c[i + 72] = 2.0
        }
      }
    }
  }
}
)");
}

}  // namespace
}  // namespace tempera::kernel
