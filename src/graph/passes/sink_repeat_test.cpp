#include "graph/passes/sink_repeat.h"

#include <gtest/gtest.h>

#include "graph/passes/simplify.h"
#include "graph/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

// %r: x [3,..] three times over, as the rows 0..2, 0..2, 0..2; or one row three times.
std::string repeated(const std::string& lines, int64_t rows = 2) {
  std::string n = std::to_string(rows), all = std::to_string(3 * rows);
  return R"(
    %x = input "x" f32[)" +
         n + R"(,4,6] @step
    %y = input "y" f32[)" +
         all + R"(,4,6] @step
    %w = input "w" f32[6,5] @load
    %s = input "s" f32[6] @load
    %s4 = input "s4" f32[4] @load
    %f = input "f" f32[8,4,3] @load
    %u = reshape(%x) {shape=[1,)" +
         n + R"(,4,6]}
    %v = broadcast_to(%u) {shape=[3,)" +
         n + R"(,4,6]}
    %r = reshape(%v) {shape=[)" +
         all + R"(,4,6]}
)" + lines;
}

void expect_same(const Graph& before, const Graph& after) {
  ASSERT_TRUE(verify(after).ok()) << verify(after).error().message;
  for (uint32_t seed = 0; seed < 3; ++seed)
    EXPECT_LE(testing::distance(before, after, seed), 1e-12) << print(after);
}

// Elements of the result of the first node of this op.
int64_t size_of(const Graph& graph, Op op) {
  for (const Node& node : graph.nodes())
    if (node.op == op) return element_count(graph.value(node.outputs[0]).shape);
  return 0;
}

struct Case {
  Op op;
  std::string lines;
  int64_t size;  // of the op's result for one copy of two rows
};

TEST(SinkRepeat, ComputesRepeatedRowsOnce) {
  const std::vector<Case> cases{
      {Op::silu, "%a = silu(%r)\noutput \"a\" %a", 48},
      {Op::mul, "%a = mul(%r, %s)\noutput \"a\" %a", 48},
      {Op::sub, "%a = silu(%r)\n%b = sub(%a, %r)\noutput \"b\" %b", 48},
      {Op::matmul, "%a = matmul(%r, %w)\noutput \"a\" %a", 40},
      {Op::conv, "%a = conv(%r, %f) {pads=[1,1]}\noutput \"a\" %a", 96},
      {Op::conv_transpose,
       "%t = transpose(%f) {perm=[1,0,2]}\n%a = conv_transpose(%r, %t)\noutput \"a\" %a", 128},
      {Op::group_norm, "%a = group_norm(%r, %s4, %s4) {groups=2}\noutput \"a\" %a", 48},
      {Op::layer_norm, "%a = layer_norm(%r, %s)\noutput \"a\" %a", 48},
      {Op::softmax, "%a = softmax(%r)\noutput \"a\" %a", 48},
      {Op::reduce_sum, "%a = reduce_sum(%r) {axes=[1], keepdims=0}\noutput \"a\" %a", 12},
      {Op::reduce_max,
       "%t = transpose(%r) {perm=[1,0,2]}\n%a = reduce_max(%t) {axes=[0], keepdims=0}\noutput "
       "\"a\" %a",
       12},
      {Op::argmax, "%a = argmax(%r) {axis=2, keepdims=0}\noutput \"a\" %a", 8},
      {Op::rank, "%a = rank(%r)\noutput \"a\" %a", 48},
      {Op::segment_mean,
       "%i = slice(%r) {axes=[2], ends=[1], starts=[0]}\n%j = reshape(%i) {shape=[6,4]}\n"
       "%k = cast(%j) {to=i32}\n%a = segment_mean(%r, %k) {segments=3}\noutput \"a\" %a",
       36},
      {Op::moments, "%a, %b = moments(%r) {axes=[1,2]}\noutput \"a\" %a\noutput \"b\" %b", 2},
      {Op::attention, "%a = attention(%r, %r, %r) {heads=2}\noutput \"a\" %a", 48},
      {Op::upsample_nearest, "%a = upsample_nearest(%r) {size=[12]}\noutput \"a\" %a", 96},
      {Op::pad, "%a = pad(%r) {pads=[0,1,0,0,0,2]}\noutput \"a\" %a", 80},
      {Op::concat, "%a = concat(%r, %r) {axis=1}\noutput \"a\" %a", 96},
      {Op::slice, "%a = slice(%r) {axes=[1], ends=[3], starts=[1]}\noutput \"a\" %a", 24},
      {Op::exp, "%t = reshape(%r) {shape=[6,24]}\n%a = exp(%t)\noutput \"a\" %a", 48},
      {Op::exp, "%t = reshape(%r) {shape=[1,3,2,24]}\n%a = exp(%t)\noutput \"a\" %a", 48},
      {Op::exp, "%t = transpose(%r) {perm=[2,0,1]}\n%a = exp(%t)\noutput \"a\" %a", 48},
      {Op::exp, "%t = broadcast_to(%r) {shape=[2,6,4,6]}\n%a = exp(%t)\noutput \"a\" %a", 48},
  };
  for (const Case& c : cases) {
    for (int64_t rows : {1, 2}) {
      if (rows == 1 && c.lines.find("shape=") != std::string::npos) continue;
      Graph before = graph_of(repeated(c.lines, rows)), after = sink_repeat(before);
      expect_same(before, after);
      if (c.lines.find("broadcast_to") == std::string::npos) {
        EXPECT_EQ(size_of(after, c.op), c.size * rows / 2) << print(after);
      }
    }
  }
}

TEST(SinkRepeat, StopsWhereRowsDiffer) {
  const std::vector<std::string> stops{
      "%a = add(%r, %y)\noutput \"a\" %a",
      "%a = attention(%r, %y, %y) {heads=2}\noutput \"a\" %a",
      "%a = concat(%r, %y) {axis=1}\noutput \"a\" %a",
      "%a = reduce_sum(%r) {axes=[0]}\noutput \"a\" %a",
      "%a = concat(%r, %y) {axis=0}\noutput \"a\" %a",
      "%a = slice(%r) {axes=[0], ends=[5], starts=[1]}\noutput \"a\" %a",
      "%a = pad(%r) {pads=[1,0,0,0,0,0]}\noutput \"a\" %a",
      "%a = softmax(%r) {axis=0}\noutput \"a\" %a",
      "%t = reshape(%r) {shape=[4,6,6]}\n%a = silu(%t)\noutput \"a\" %a",
      "%t = transpose(%r) {perm=[0,2,1]}\n%a = matmul(%t, %y)\noutput \"a\" %a"};
  for (const std::string& lines : stops) {
    Graph before = graph_of(repeated(lines)), after = sink_repeat(before);
    expect_same(before, after);
    EXPECT_NE(print(after).find("broadcast_to"), std::string::npos);
  }
}

TEST(SinkRepeat, GoesOnBehindAReaderThatNeedsAllRows) {
  Graph before = graph_of(repeated(R"(
    %a = silu(%r)
    %b = add(%a, %y)
    %c = exp(%a)
    %d = attention(%c, %b, %c) {heads=2}
    %e = matmul(%c, %w)
    output "d" %d
    output "e" %e
    output "r" %r)"));
  Graph after = sink_repeat(before);
  expect_same(before, after);
  EXPECT_EQ(size_of(after, Op::exp), 48);
  EXPECT_EQ(size_of(after, Op::matmul), 40);
}

TEST(SinkRepeat, LeavesABroadcastToTheReaderOfASingleRow) {
  Graph after = simplify(sink_repeat(graph_of(R"(
    %x = input "x" f32[1,4] @step
    %y = input "y" f32[2,4] @step
    %r = broadcast_to(%x) {shape=[2,4]}
    %a = silu(%r)
    %b = add(%a, %y)
    output %b)")));
  EXPECT_EQ(print(after), R"(graph {
  %0 = input "x" f32[1,4] @step
  %1 = input "y" f32[2,4] @step
  %2 = silu(%0) : f32[1,4]
  %3 = add(%2, %1) : f32[2,4]
  output "" %3
}
)");
}

}  // namespace
}  // namespace tempera::graph
