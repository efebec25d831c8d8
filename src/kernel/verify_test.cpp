#include "kernel/verify.h"

#include <gtest/gtest.h>

#include "kernel/parse.h"
#include "kernel/passes/pipeline.h"
#include "kernel/passes/unroll.h"
#include "kernel/print.h"
#include "kernel/simplify.h"

namespace tempera::kernel {
namespace {

const std::string kHead = "kernel k(a: f32[64] global, c: f32[64] global mut) {\n";

std::string message(const Status& status) { return status.ok() ? "ok" : status.error().message; }

std::string verified(const std::string& body, Stage stage = Stage::scheduled) {
  const Result<Kernel> kernel = parse_kernel(kHead + body + "\n}");
  return kernel.ok() ? message(verify(*kernel, stage)) : kernel.error().message;
}

std::string writes(const std::string& body) {
  const Result<Kernel> kernel = parse_kernel(kHead + body + "\n}");
  return kernel.ok() ? message(check_grid_writes(simplify(unroll(*kernel))))
                     : kernel.error().message;
}

Kernel kernel_of(Stmt body, std::vector<Buffer> parameters = {}) {
  return {"k", std::move(parameters), std::move(body)};
}

TEST(Verify, ScopesOfVariablesAndBuffers) {
  const Buffer c = make_buffer("c", {DType::i32, 1}, Space::global, 4, true);
  const Expr x = variable("x");
  EXPECT_EQ(message(verify(kernel_of(store(c, x, 1), {c}))),
            "kernel k: x is not bound where it stands in 'c[x] = 1'");
  const Stmt inner = loop(LoopKind::serial, x, 0, 2, store(c, x, x));
  EXPECT_EQ(message(verify(kernel_of(loop(LoopKind::serial, x, 0, 2, inner), {c}))),
            "kernel k: x is bound inside its own scope");
  EXPECT_EQ(message(verify(kernel_of(block({inner, inner}), {c}))), "ok");
  EXPECT_EQ(
      message(verify(kernel_of(store(c, 0, 1)))),
      "kernel k: buffer c is neither a parameter nor allocated where it stands in 'c[0] = 1'");
}

TEST(Verify, ParametersThatAreStoredToAreMarked) {
  EXPECT_EQ(verified("a[0] = 1.0"), "kernel k: a is stored to but not marked written");
}

TEST(Verify, GridLoopsStandAtTheHead) {
  EXPECT_EQ(verified("grid x in 0..4 { grid y in 0..4 { c[x * 4 + y] = 0.0 } }"), "ok");
  EXPECT_EQ(verified("for x in 0..4 { grid y in 0..4 { c[x * 4 + y] = 0.0 } }"),
            "kernel k: grid loop y stands below the head");
  EXPECT_EQ(verified("grid x in 0..4 { grid y in 0..x { c[x * 4 + y] = 0.0 } }"),
            "kernel k: grid loop y has no constant bounds");
}

TEST(Verify, LaneLoopsAreOneWorkgroup) {
  EXPECT_EQ(verified("grid g in 0..4 { workgroup t: f32[4] lane x in 0..4 { t[x] = a[x] barrier "
                     "c[g * 4 + x] = t[3 - x] } }"),
            "ok");
  EXPECT_EQ(verified("for i in 0..4 { lane x in 0..4 { c[x] = 0.0 } }"),
            "kernel k: lane loop x stands below a loop or branch");
  EXPECT_EQ(verified("c[0] = 0.0 lane x in 0..4 { c[x] = 0.0 }"),
            "kernel k: lane loop x has statements beside it");
  EXPECT_EQ(verified("lane x in 0..4 { c[x] = 0.0 } c[0] = 0.0"),
            "kernel k: 'c[0] = 0.0' stands beside lane loops");
  EXPECT_EQ(verified("lane x in 0..4 { c[x] = 0.0 } lane x in 0..8 { c[x] = 0.0 }"),
            "kernel k: lane loop x has other extents than the lane loops before it");
  EXPECT_EQ(verified("lane x in 0..4 { c[x] = 0.0 lane y in 0..2 { c[y] = 0.0 } }"),
            "kernel k: lane loop y stands among a lane's statements");
}

TEST(Verify, BarriersAreReachedByAllLanes) {
  EXPECT_EQ(verified("lane x in 0..4 { for i in 0..4 { barrier } }"), "ok");
  EXPECT_EQ(verified("lane x in 0..4 { if x < 2 { barrier } }"),
            "kernel k: a barrier stands where not all lanes may come");
  EXPECT_EQ(verified("lane x in 0..4 { let y = x / 2 for i in 0..y { barrier } }"),
            "kernel k: a barrier stands where not all lanes may come");
}

TEST(Verify, WorkgroupMemoryIsNotAllocatedInLoops) {
  EXPECT_EQ(verified("for i in 0..4 { workgroup t: f32[4] t[0] = 1.0 }"),
            "kernel k: workgroup memory t is allocated in a loop or branch");
}

TEST(Verify, SimplifiedKernelsHaveConstantRegisters) {
  const std::string body = "unroll i in 0..2 { registers r: f32[2] r[i] = 1.0 c[i] = r[i] }";
  EXPECT_EQ(verified(body, Stage::simplified), "kernel k: loop i is still unrolled");
  EXPECT_EQ(verified("for i in 0..2 { registers r: f32[2] r[i] = 1.0 }", Stage::simplified),
            "kernel k: registers r are indexed by i in 'r[i] = 1.0', which is no constant");
  EXPECT_EQ(verified("registers r: f32[2] r[2] = 1.0", Stage::simplified),
            "kernel k: index 2 of r[2] is out of range in 'r[2] = 1.0'");
  EXPECT_EQ(verified("for i in 0..4 { c[i + 64] = 1.0 }", Stage::simplified),
            "kernel k: index i + 64 of c[64] is out of range in 'c[i + 64] = 1.0'");
  EXPECT_EQ(verified("for i in 0..4 { if i < 3 { c[i + 61] = 1.0 } }", Stage::simplified), "ok");
}

TEST(Verify, GridIterationsThatWriteOneElementAreFound) {
  const std::string may = "two grid iterations may write one element";
  EXPECT_EQ(writes("grid m in 0..8 { grid n in 0..2 { unroll i in 0..2 { c[ramp(m * 8 + i * 4 + n "
                   "* 2, 1, 2)] = broadcast(0.0, 2) } } }"),
            "ok");
  EXPECT_EQ(
      writes(
          "grid m in 0..8 { for i in 0..4 { c[m * 8 + i * 2] = 0.0 c[m * 8 + i * 2 + 1] = 1.0 } }"),
      "ok");
  EXPECT_NE(
      writes(
          "grid m in 0..8 { for i in 0..4 { c[m * 8 + i * 2] = 0.0 c[m * 8 + i * 2 + 2] = 1.0 } }")
          .find(may),
      std::string::npos);
  EXPECT_NE(writes("grid m in 0..8 { c[3] = 0.0 }").find(may), std::string::npos);
  EXPECT_NE(writes("grid m in 0..8 { c[ramp(m * 7, 1, 8)] = broadcast(0.0, 8) }").find(may),
            std::string::npos);
  EXPECT_NE(writes("grid m in 0..8 { c[m / 2] = 0.0 }").find("no sum of counters"),
            std::string::npos);
}

TEST(Verify, MasksAndBranchesKeepTailsApart) {
  // Rows of 10 in tiles of 4: the last tile's lanes 2 and 3 would be the next row's.
  EXPECT_EQ(writes("grid m in 0..6 { grid n in 0..3 { c[ramp(m * 10 + n * 4, 1, 4), ramp(n * 4, 1, "
                   "4) < broadcast(10, 4)] = broadcast(0.0, 4) } }"),
            "ok");
  EXPECT_EQ(writes("grid m in 0..6 { grid n in 0..3 { for i in 0..4 { if n * 4 + i < 10 { c[m * 10 "
                   "+ n * 4 + i] = 0.0 } } } }"),
            "ok");
  EXPECT_NE(writes("grid m in 0..6 { grid n in 0..3 { c[ramp(m * 10 + n * 4, 1, 4), ramp(n * 4, 1, "
                   "4) < broadcast(11, 4)] = broadcast(0.0, 4) } }"),
            "ok");
}

TEST(Unroll, CopiesHaveTheirOwnNames) {
  const Result<Kernel> kernel = parse_kernel(kHead + R"(
    registers acc: f32[4]
    unroll i in 0..2 {
      unroll j in i..+2 {
        let x = a[i * 8 + j] * 2.0
        registers own: f32[1]
        for k in 0..3 { own[0] = x acc[i * 2 + j - i] = own[0] + a[k + i] }
      }
    }
    unroll i in 0..4 { c[i] = acc[i] }
  })");
  ASSERT_TRUE(kernel.ok()) << kernel.error().message;
  std::vector<std::string> seen;
  const Result<Kernel> done = run_passes(
      *kernel,
      {.after_pass = [&](const Pass& pass, const Kernel&) { seen.emplace_back(pass.name); },
       .verify = true});
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(seen, std::vector<std::string>({"unroll", "simplify"}));
  const std::string text = to_string(*done);
  EXPECT_NE(text.find("let x = a[9] * 2.0"), std::string::npos) << text;
  EXPECT_NE(text.find("acc[3] = own[0] + a[k + 1]"), std::string::npos) << text;
  EXPECT_NE(text.find("c[3] = acc[3]"), std::string::npos) << text;
}

}  // namespace
}  // namespace tempera::kernel
