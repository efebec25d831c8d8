#include <gtest/gtest.h>

#include "backend/cpu/codegen/test_library.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

Buffer input(std::string name, DType dtype, int64_t size, int lanes = 1) {
  return make_buffer(std::move(name), {dtype, lanes}, Space::global, size);
}
Buffer output(std::string name, DType dtype, int64_t size, int lanes = 1) {
  return make_buffer(std::move(name), {dtype, lanes}, Space::global, size, true);
}

// Every kernel runs on this machine and on the older instruction sets that it has too.
class Print : public testing::TestWithParam<const char*> {
 protected:
  void expect_same(const Kernel& kernel) {
    const Target target = *target_from_flag(GetParam());
    const std::string lacking = lacking_here(target);
    if (!lacking.empty()) GTEST_SKIP() << "this machine has no " << lacking;
    expect_as_interpreted(kernel, target);
  }
  static std::string lacking_here(const Target& target) {
    const auto here = *required_features(host_target());
    const std::vector<std::string> needed = *required_features(target);
    for (const std::string& f : needed)
      if (std::find(here.begin(), here.end(), f) == here.end()) return f;
    return {};
  }
};
INSTANTIATE_TEST_SUITE_P(Targets, Print,
                         testing::Values("native", "x86-64-v2", "x86-64-v3", "x86-64-v4"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(Print, GridIsSplitAnywhere) {
  const Buffer x = input("x", DType::f32, 3 * 5 * 7), y = output("y", DType::f32, 3 * 5 * 7);
  expect_same({"grid", {x, y}, grid("i", 3, [&](Expr i) {
                 return grid("j", 5, [&](Expr j) {
                   return grid("k", 7, [&](Expr k) {
                     const Expr at = (i * 5 + j) * 7 + k;
                     return store(y, at, load(x, at) * f32(2) + cast(DType::f32, j));
                   });
                 });
               })});
}

TEST_P(Print, LoopsBranchesAndLets) {
  const Buffer x = input("x", DType::i32, 64), y = output("y", DType::i32, 64);
  expect_same({"control", {x, y}, grid("i", 8, [&](Expr i) {
                 return serial("j", i % 4 + 1, [&](Expr j) {
                   return let_in("v", load(x, i * 8 + j), [&](Expr v) {
                     return branch(Expr(0) < v, store(y, i * 8 + j, v * 3),
                                   store(y, i * 8 + j, v - i));
                   });
                 });
               })});
}

TEST_P(Print, DivisionRoundsDown) {
  const Buffer x = input("x", DType::i32, 64), y = output("y", DType::i32, 8 * 64);
  expect_same({"division", {x, y}, grid("i", 64, [&](Expr i) {
                 const Expr v = load(x, i);
                 const Expr w = load(x, 63 - i) % 7 + 9;
                 const std::vector<Expr> results = {v / 3,           v % 3,       v / 8,
                                                    v % 8,           v / (0 - w), v % (0 - w),
                                                    (i + 5) / 3 % 4, (i - 20) / 6};
                 std::vector<Stmt> stores;
                 for (size_t k = 0; k < results.size(); ++k)
                   stores.push_back(store(y, i * 8 + Expr(static_cast<int>(k)), results[k]));
                 return block(stores);
               })});
}

// Contiguous, reversed, strided, splat and indexed vectors, with and without masks, both ways.
TEST_P(Print, VectorMemory) {
  for (const DType dtype : {DType::f32, DType::f16, DType::i8, DType::i64, DType::boolean}) {
    const Buffer x = input("x", dtype, 64), at = input("at", DType::u8, 64);
    const Buffer y = output("y", dtype, 512);
    const Expr indices = cast(DType::i32, load(at, ramp(8, 1, 16))) % 64;
    const Expr lanes = ramp(0, 1, 16);
    const Expr some = lanes < Expr(5);
    std::vector<Stmt> s;
    int next = 0;
    const auto put = [&](Expr v) { s.push_back(store(y, ramp(next, 1, 16), v)), next += 16; };
    for (const Expr& mask : {Expr(), some}) {
      put(load(x, ramp(3, 1, 16), mask));
      put(load(x, ramp(30, -1, 16), mask));
      put(load(x, ramp(1, 2, 16), mask));
      put(load(x, ramp(0, 3, 16), mask));
      put(load(x, ramp(7, 0, 16), mask));
      put(load(x, indices, mask));
      put(load(x, ramp(0, 1, 16) * broadcast(2, 16) + broadcast(5, 16), mask));
    }
    for (const Expr& mask : {Expr(), some}) {
      s.push_back(store(y, ramp(next + 15, -1, 16), load(x, ramp(2, 1, 16)), mask)), next += 16;
      s.push_back(store(y, ramp(next, 3, 16), load(x, ramp(2, 1, 16)), mask)), next += 48;
      s.push_back(store(y, ramp(next, 1, 16), load(x, ramp(2, 1, 16)), mask)), next += 16;
    }
    expect_same({"memory", {x, at, y}, block(s)});
    if (IsSkipped() || HasFailure()) return;
  }
}

TEST_P(Print, MaskedScalars) {
  const Buffer x = input("x", DType::f32, 16), y = output("y", DType::f32, 16);
  expect_same({"scalars", {x, y}, grid("i", 16, [&](Expr i) {
                 const Expr even = i % 2 == 0;
                 return store(y, i, load(x, i, i < 9), even);
               })});
}

TEST_P(Print, BuffersOfVectors) {
  const Buffer x = input("x", DType::f32, 12, 8), y = output("y", DType::f32, 4, 8);
  const Buffer sums = make_buffer("sums", {DType::f32, 8}, Space::registers, 2);
  expect_same(
      {"vectors", {x, y}, grid("i", 2, [&](Expr i) {
         return allocate(
             sums, block({
                       unrolled("z", 2, [&](Expr z) { return store(sums, z, load(x, z)); }),
                       serial("k", 5,
                              [&](Expr k) {
                                return unrolled("j", 2, [&](Expr j) {
                                  return store(sums, j,
                                               load(sums, j) * load(x, k * 2 + j) + load(x, i));
                                });
                              }),
                       unrolled("j", 2, [&](Expr j) { return store(y, i * 2 + j, load(sums, j)); }),
                   }));
       })});
}

TEST_P(Print, FmaRoundsOnceWhereTheTargetHasIt) {
  if (std::string(GetParam()) == "x86-64-v2") GTEST_SKIP() << "x86-64-v2 has no FMA";
  const Buffer x = input("x", DType::f32, 64), y = output("y", DType::f32, 32);
  const Expr a = load(x, ramp(0, 1, 32)), c = load(x, ramp(32, 1, 32));
  expect_same({"fused", {x, y}, store(y, ramp(0, 1, 32), fma(a, c, unary(UnaryOp::neg, a * c)))});
}

TEST_P(Print, HalvesAreWidened) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const Buffer x = input("x", dtype, 64), y = output("y", dtype, 8 * 32);
    const Expr a = load(x, ramp(0, 1, 32)), c = load(x, ramp(32, 1, 32));
    std::vector<Stmt> s;
    const std::vector<Expr> results = {
        a + c,
        a * c - a,
        a / c,
        min(a, c),
        max(a, c),
        fma(a, c, a),
        select(a < c, a, c),
        unary(UnaryOp::neg, cast(dtype, cast(DType::f32, a) * f32(1e-6)))};
    for (size_t i = 0; i < results.size(); ++i)
      s.push_back(store(y, ramp(static_cast<int>(32 * i), 1, 32), results[i]));
    expect_same({"halves", {x, y}, block(s)});
    if (IsSkipped() || HasFailure()) return;
  }
}

TEST_P(Print, CastsSaturateAndWrap) {
  const Buffer x = input("x", DType::f32, 16), n = input("n", DType::i32, 16);
  const Buffer y = output("y", DType::i32, 9 * 16);
  const Expr huge = load(x, ramp(0, 1, 16)) * load(x, ramp(0, 1, 16)) * f32(1e9);
  const Expr bad = (load(x, ramp(0, 1, 16)) - load(x, ramp(0, 1, 16))) / f32(0);
  const Expr number = load(n, ramp(0, 1, 16)) * 37;
  const std::vector<Expr> results = {
      cast(DType::i32, huge),
      cast(DType::i32, bad),
      cast(DType::i32, cast(DType::u8, load(x, ramp(0, 1, 16)) * f32(100))),
      cast(DType::i32, cast(DType::i8, load(x, ramp(0, 1, 16)) * f32(100))),
      cast(DType::i32, cast(DType::i8, number)),
      cast(DType::i32, cast(DType::u8, number)),
      cast(DType::i32, cast(DType::boolean, number)),
      cast(DType::i32, cast(DType::boolean, bad)),
      cast(DType::i32, cast(DType::f32, cast(DType::i64, number)))};
  std::vector<Stmt> s;
  for (size_t i = 0; i < results.size(); ++i)
    s.push_back(store(y, ramp(static_cast<int>(16 * i), 1, 16), results[i]));
  expect_same({"casts", {x, n, y}, block(s)});
}

TEST_P(Print, MinAndMaxGiveTheSecondOfANaN) {
  const Buffer x = input("x", DType::f32, 16), y = output("y", DType::f32, 64);
  const Expr a = load(x, ramp(0, 1, 16));
  const Expr nan = (a - a) / f32(0);
  expect_same(
      {"nan",
       {x, y},
       block({store(y, ramp(0, 1, 16), min(nan, a)), store(y, ramp(16, 1, 16), max(nan, a))})});
}

TEST_P(Print, ReducesPairwise) {
  for (const DType dtype : {DType::f32, DType::i32, DType::f16, DType::bf16, DType::u8}) {
    const Buffer x = input("x", dtype, 32), y = output("y", dtype, 3);
    const Expr v = load(x, ramp(0, 1, 32));
    expect_same({"reduce",
                 {x, y},
                 block({store(y, 0, call(Intrinsic::reduce_add, {v})),
                        store(y, 1, call(Intrinsic::reduce_max, {v})),
                        store(y, 2, call(Intrinsic::reduce_min, {v}))})});
    if (IsSkipped() || HasFailure()) return;
  }
}

TEST_P(Print, RoundingAndRoots) {
  const Buffer x = input("x", DType::f32, 32), y = output("y", DType::f32, 7 * 32);
  const Expr v = load(x, ramp(0, 1, 32));
  const std::vector<Expr> results = {
      call(Intrinsic::floor, {v}),
      call(Intrinsic::ceil, {v}),
      call(Intrinsic::round, {v}),
      call(Intrinsic::abs, {v}),
      call(Intrinsic::sqrt, {call(Intrinsic::abs, {v})}),
      call(Intrinsic::rsqrt, {call(Intrinsic::abs, {v})}),
      call(Intrinsic::round, {call(Intrinsic::floor, {v}) + f32(0.5)})};
  std::vector<Stmt> s;
  for (size_t i = 0; i < results.size(); ++i)
    s.push_back(store(y, ramp(static_cast<int>(32 * i), 1, 32), results[i]));
  expect_same({"rounding", {x, y}, block(s)});
}

// Lanes reverse each other's values through workgroup memory, in a loop of barriers, and keep a
// running sum in a register and a let.
TEST_P(Print, LanesMeetAtBarriers) {
  const Buffer x = input("x", DType::f32, 4 * 12), y = output("y", DType::f32, 4 * 12);
  const Buffer shared = make_buffer("shared", {DType::f32, 1}, Space::workgroup, 12);
  const Buffer sum = make_buffer("sum", {DType::f32, 1}, Space::registers, 1);
  expect_same(
      {"lanes", {x, y}, grid("g", 4, [&](Expr g) {
         return allocate(
             shared, for_each(LoopKind::lane, "a", 0, 3, [&](Expr a) {
               return for_each(LoopKind::lane, "b", 0, 4, [&](Expr b) {
                 const Expr lane = a * 4 + b;
                 return let_in("own", load(x, g * 12 + lane), [&](Expr own) {
                   return allocate(
                       sum,
                       block({
                           store(sum, 0, own),
                           serial("k", 3,
                                  [&](Expr k) {
                                    return block(
                                        {store(shared, lane, load(sum, 0) + cast(DType::f32, k)),
                                         barrier(),
                                         store(sum, 0,
                                               load(sum, 0) + load(shared, 11 - lane) * own),
                                         barrier()});
                                  }),
                           store(y, g * 12 + lane, load(sum, 0)),
                       }));
                 });
               });
             }));
       })});
}

TEST(PrintInPlace, OutputMayTakeTheInputsPlace) {
  const Buffer x = input("x", DType::f32, 32), y = output("y", DType::f32, 32);
  const Kernel kernel{"in_place", {x, y}, grid("i", 2, [&](Expr i) {
                        return store(y, ramp(i * 16, 1, 16), load(x, ramp(i * 16, 1, 16)) + f32(1));
                      })};
  const Memory memory(x);
  fill_random(memory, DType::f32, 1);
  const std::vector<float> before(memory.as<float>().begin(), memory.as<float>().end());
  const LoadedKernel loaded(kernel, host_target(), /*may_alias=*/true);
  loaded(std::vector<void*>{memory.data, memory.data}, 0, 2);
  for (size_t i = 0; i < 32; ++i) EXPECT_EQ(memory.as<float>()[i], before[i] + 1);
}

TEST(PrintDots, AsInterpretedWhereTheTargetHasThem) {
  const Target target = host_target();
  if (!target.has_i8_dot) GTEST_SKIP() << "this machine has no i8 dot products";
  const Buffer c = input("c", DType::i32, 16), a = input("a", DType::u8, 64);
  const Buffer w = input("w", DType::i8, 64), y = output("y", DType::i32, 16);
  const Expr dot = call(Intrinsic::i8_dot, {load(c, ramp(0, 1, 16)), load(a, ramp(0, 1, 64)),
                                            load(w, ramp(0, 1, 64))});
  expect_as_interpreted({"i8_dot", {c, a, w, y}, store(y, ramp(0, 1, 16), dot)}, target);
}

}  // namespace
}  // namespace tempera::cpu
