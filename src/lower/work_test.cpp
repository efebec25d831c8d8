#include "lower/work.h"

#include <gtest/gtest.h>

#include "graph/build.h"
#include "lower/lower.h"

namespace tempera::lower {
namespace {

using graph::GraphBuilder;
using graph::Rate;

graph::Group only_group(const graph::Graph& graph) {
  auto fused = graph::run_passes(graph, fuse_rules());
  EXPECT_TRUE(fused.ok());
  EXPECT_EQ(fused->groups.size(), 1u);
  return fused->groups.at(0);
}

TEST(WorkloadText, NamesAnchorAndShapes) {
  GraphBuilder b;
  const auto x = b.input("x", DType::f32, {2, 8, 6, 6}, Rate::step);
  b.output("y", b.conv(x, b.weight("w", DType::f16, {16, 8, 3, 3}), graph::kAbsent, {.pad = 1}));
  const graph::Group group = only_group(b.graph);
  EXPECT_EQ(workload_text(group), "conv 3x3 2x8x6x6 -> 16x6x6");
  EXPECT_EQ(kind_of(group), "contraction");
  EXPECT_EQ(work_of(group).flops, 2.0 * 2 * 16 * 36 * 72);
}

TEST(WorkloadText, OfAttentionAndElementwiseWork) {
  GraphBuilder b;
  const auto q = b.input("q", DType::f32, {1, 6, 8}, Rate::step);
  const auto k = b.input("k", DType::f32, {1, 5, 8}, Rate::step);
  b.output("y", b.attention(q, k, k, {.heads = 2}));
  EXPECT_EQ(workload_text(only_group(b.graph)), "attention 1x6 queries, 5 keys, 2 heads of 4");
  GraphBuilder e;
  e.output("y", e.silu(e.input("x", DType::f32, {3, 5}, Rate::step)));
  EXPECT_EQ(workload_text(only_group(e.graph)), "silu 3x5");
  EXPECT_EQ(kind_of(only_group(e.graph)), "elementwise");
}

TEST(Work, CountsOnlyTheRowsThatAreGathered) {
  GraphBuilder b;
  const auto table = b.weight("table", DType::f32, {1000, 4});
  const auto ids = b.input("ids", DType::i32, {1, 3}, Rate::step);
  b.output("y", b.gather(table, ids, 0));
  EXPECT_EQ(work_of(only_group(b.graph)).bytes, 3 * 4 + 2 * 3 * 4 * 4);
}

TEST(Plan, TellsWorkAndBytesOfEachLaunch) {
  GraphBuilder b;
  const auto x = b.input("x", DType::f32, {1, 32, 64}, Rate::step);
  b.output("y", b.linear(x, b.weight("w", DType::f16, {48, 64}), graph::kAbsent));
  const auto fused = graph::run_passes(b.graph, fuse_rules());
  const auto lowered = lower(*fused, Target{}, {.component = "test"});
  ASSERT_TRUE(lowered.ok()) << lowered.error().message;
  const auto& setup = lowered->plan.launches[static_cast<size_t>(runtime::Stage::setup)];
  const auto& step = lowered->plan.launches[static_cast<size_t>(runtime::Stage::step)];
  ASSERT_EQ(setup.size(), 1u);
  EXPECT_EQ(setup[0].kind, "packing");
  ASSERT_EQ(step.size(), 1u);
  EXPECT_EQ(step[0].kind, "contraction");
  EXPECT_EQ(step[0].flops, 2.0 * 32 * 64 * 48);
  EXPECT_EQ(step[0].executed_flops, step[0].flops);
  EXPECT_GE(step[0].bytes, (32 * 64 + 32 * 48) * 4 + 64 * 48 * 2);
}

TEST(Arithmetic, IsF32WhereTheTargetHasNone) {
  GraphBuilder b;
  const auto x = b.input("x", DType::bf16, {32, 64}, Rate::step);
  b.output("y", b.matmul(x, b.input("w", DType::bf16, {64, 48}, Rate::step)));
  const graph::Group group = only_group(b.graph);
  EXPECT_EQ(arithmetic_of(group, {.has_bf16_dot = true}), DType::bf16);
  EXPECT_EQ(arithmetic_of(group, {}), DType::f32);
}

}  // namespace
}  // namespace tempera::lower
