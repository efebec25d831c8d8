#include "graph/passes/upsample_conv.h"

#include <gtest/gtest.h>

#include "graph/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

bool has(const Graph& graph, Op op) {
  for (const Node& node : graph.nodes())
    if (node.op == op) return true;
  return false;
}

std::string upsampled(const std::string& size, const std::string& weight, const std::string& conv) {
  return R"(
    %x = input "x" f32[2,3,4,5] @step
    %w = input "w" f32)" +
         weight + R"( @load
    %u = upsample_nearest(%x) {size=)" +
         size + R"(}
    %y = conv(%u, %w) )" +
         conv + R"(
    output "y" %y)";
}

TEST(UpsampleConv, KeepsWhatTheTwoCompute) {
  const std::vector<std::string> texts{upsampled("[8,10]", "[6,3,3,3]", "{pads=[1,1,1,1]}"),
                                       upsampled("[8,10]", "[6,3,3,3]", ""),
                                       upsampled("[8,10]", "[6,3,3,2]", "{pads=[2,1,0,1]}"),
                                       upsampled("[12,10]", "[1,3,3,3]", "{pads=[1,1,1,1]}"),
                                       upsampled("[4,15]", "[6,3,3,5]", "{pads=[1,2,1,2]}"),
                                       R"(
    %x = input "x" f32[1,3,7] @step
    %w = input "w" f32[2,3,3] @load
    %b = input "b" f32[2] @load
    %u = upsample_nearest(%x) {size=[14]}
    %y = conv(%u, %w, %b) {pads=[1,1]}
    output "y" %y
    output "u" %u)"};
  for (const std::string& text : texts) {
    Graph before = graph_of(text), after = upsample_conv(before);
    ASSERT_TRUE(verify(after).ok()) << verify(after).error().message;
    EXPECT_TRUE(has(after, Op::conv_transpose)) << text;
    EXPECT_FALSE(has(after, Op::conv));
    for (uint32_t seed = 0; seed < 5; ++seed)
      EXPECT_LE(testing::distance(before, after, seed), 1e-12) << text;
  }
}

TEST(UpsampleConv, LeavesWhatItCannotPhraseOrWouldNotImprove) {
  const std::vector<std::string> texts{
      upsampled("[8,9]", "[6,3,3,3]", "{pads=[1,1,1,1]}"),
      upsampled("[8,10]", "[6,3,3,3]", "{pads=[1,1,1,1], strides=[2,2]}"),
      upsampled("[8,10]", "[6,3,3,3]", "{pads=[2,2,2,2], dilations=[2,2]}"),
      upsampled("[8,10]", "[6,3,3,3]", "{pads=[3,1,1,1]}"),
      upsampled("[8,10]", "[6,3,1,1]", ""),
      upsampled("[6,8,10]", "[6,6,3,3]", "{pads=[1,1,1,1]}")};
  for (const std::string& text : texts) EXPECT_TRUE(has(upsample_conv(graph_of(text)), Op::conv));
}

}  // namespace
}  // namespace tempera::graph
