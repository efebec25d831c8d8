#include "graph/work.h"

#include <gtest/gtest.h>

#include "graph/testing.h"

namespace tempera::graph {
namespace {

TEST(Work, CountsProductsTwiceAndNothingForMovement) {
  Graph graph = testing::graph_of(R"(
    %x = input "x" f32[2,3,8,6] @step
    %t = input "t" f32[2,7,4] @prompt
    %w = input "w" f32[5,3,3,3] @load
    %u = input "u" f32[5,4,4,4] @load
    %a = input "a" f32[4,4] @load
    %s = silu(%a)
    %k = matmul(%t, %s)
    %c = conv(%x, %w) {pads=[1,1,1,1]}
    %d = conv_transpose(%c, %u) {pads=[1,1,1,1], strides=[2,2]}
    %r = reshape(%d) {shape=[2,192,4]}
    %y = attention(%r, %k, %k) {heads=2}
    %z = silu(%y)
    %m = softmax(%z)
    output "m" %m)");
  GraphWork prompt = work_of(graph, Rate::prompt, Rate::prompt);
  EXPECT_EQ(prompt.total(), 2.0 * 2 * 7 * 4 * 4);
  GraphWork step = work_of(graph, Rate::step, Rate::step);
  auto of = [&](WorkKind kind) { return step.flops[static_cast<size_t>(kind)]; };
  EXPECT_EQ(of(WorkKind::conv), 2.0 * 2 * 5 * 8 * 6 * 27);
  EXPECT_EQ(of(WorkKind::conv_transpose), 2.0 * 2 * 5 * 8 * 6 * 4 * 16);
  EXPECT_EQ(of(WorkKind::attention), 2.0 * 2 * 192 * 7 * 8);
  EXPECT_EQ(of(WorkKind::elementwise), 2.0 * 192 * 4);
  EXPECT_EQ(of(WorkKind::norm), 5 * 2.0 * 192 * 4);
  EXPECT_EQ(of(WorkKind::matmul), 0);
}

}  // namespace
}  // namespace tempera::graph
