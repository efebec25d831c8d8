#include "graph/text.h"

#include <gtest/gtest.h>

#include "graph/build.h"
#include "graph/testing.h"

namespace tempera::graph {
namespace {

std::string fault(const std::string& text) {
  auto graph = parse(text);
  return graph.ok() ? "no fault" : graph.error().message;
}

std::string line_fault(const std::string& line) {
  return fault("graph {\n%0 = input \"x\" f32[2,3] @step\n" + line + "\n}");
}

constexpr std::string_view kExample = R"(graph {
  %0 = input "sample" f32[2,4,8,8] @step
  %1 = input "conv_in.weight" f16[6,4,3,3] @load
  %2 = cast(%1) : f32[6,4,3,3]  # conv_in
  %3 = conv(%0, %2) {pads=[1,1,1,1]} : f32[2,6,8,8] layout(0,2,3,1)  # conv_in
  %4 = literal f32[] {0.1}
  %5 = mul(%3, %4) : f32[2,6,8,8] layout(0,2,3,1)  # down_blocks.0, "a b"
  %6, %7 = split(%5) {axis=1, sizes=[2,4]} : f32[2,2,8,8], f32[2,4,8,8]
  %8 = reduce_mean(%7) {axes=[2,3], keepdims=0} : f32[2,4]
  output "sample" %6
  output "mean" %8
}
)";

TEST(Text, PrintsWhatItParsed) { EXPECT_EQ(print(testing::parsed(kExample)), kExample); }

TEST(Text, QuotesTheDtypeOfAContractionsResult) {
  std::string text = print(testing::graph_of(R"(
    %x = input bf16[2,3] @step
    %w = input f16[3,4] @load
    %y = matmul(%x, %w) {result="f32"}
    output %y)"));
  EXPECT_NE(text.find("matmul(%0, %1) {result=\"f32\"} : f32[2,4]\n"), std::string::npos) << text;
  EXPECT_EQ(print(testing::parsed(text)), text);
}

TEST(Text, LeavesOutNamesAndOriginsForKeys) {
  std::string key = print(testing::parsed(kExample), {.origins = false, .names = false});
  EXPECT_EQ(key.find("sample"), std::string::npos);
  EXPECT_EQ(key.find('#'), std::string::npos);
  EXPECT_EQ(print(testing::parsed(key), {.origins = false, .names = false}), key);
}

TEST(Text, KeepsEveryFiniteFloatOfALiteral) {
  Graph graph;
  graph.add_literal(Tensor::of<float>(DType::f32, {4}, {0.1F, 1e-45F, -3.4028235e38F, 1.0F / 3}));
  graph.add_literal(Tensor::of<double>(DType::f64, {3}, {0.1, 5e-324, -1.0 / 3}));
  graph.add_literal(Tensor::of<uint16_t>(DType::f16, {4}, {0x0001, 0x7bff, 0xfc00, 0x8000}));
  graph.add_literal(Tensor::of<uint16_t>(DType::bf16, {2}, {0x3f81, 0x7f80}));
  graph.add_literal(Tensor::of<int64_t>(DType::i64, {2}, {INT64_MIN, INT64_MAX}));
  graph.add_literal(Tensor::of<uint8_t>(DType::boolean, {2}, {0, 1}));
  Graph again = testing::parsed(print(graph));
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    EXPECT_EQ(*again.nodes()[i].literal, *graph.nodes()[i].literal) << print(graph);
}

TEST(Text, ShowsOneElementOfALiteralThatRepeatsIt) {
  Graph graph;
  graph.add_literal(Tensor::of<float>(DType::f32, {2, 2}, {7, 7, 7, 7}));
  EXPECT_EQ(print(graph), "graph {\n  %0 = literal f32[2,2] {7}\n}\n");
  EXPECT_EQ(*testing::parsed(print(graph)).nodes()[0].literal, *graph.nodes()[0].literal);
}

TEST(Text, ElidesLongLiteralsOnlyWhenAsked) {
  Graph graph;
  graph.add_literal(Tensor::of<float>(DType::f32, {3}, {1, 2, 3}));
  EXPECT_EQ(print(graph, {.literal_limit = 2}), "graph {\n  %0 = literal f32[3] {...}\n}\n");
}

TEST(Text, QuotesHostileNames) {
  Graph graph;
  graph.add_input("a\"b\\\n\x1b[31m", DType::f32, {}, Rate::load);
  std::string text = print(graph);
  EXPECT_EQ(text, "graph {\n  %0 = input \"a\\\"b\\\\\\x0a\\x1b[31m\" f32[] @load\n}\n");
  EXPECT_EQ(testing::parsed(text).value(0).name, graph.value(0).name);
}

TEST(Text, TakesWordsForValuesCommentsAndMissingTypes) {
  Graph graph = testing::graph_of(R"(
    // a comment
    %x = input f32[2] @step
    %y = neg(%x)  // another
    output %y)");
  EXPECT_EQ(
      print(graph),
      "graph {\n  %0 = input \"\" f32[2] @step\n  %1 = neg(%0) : f32[2]\n  output \"\" %1\n}\n");
}

TEST(Text, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(line_fault("%1 = frob(%0)"), "line 3: 'frob' is no op");
  EXPECT_EQ(line_fault("%1 = neg(%7)"), "line 3: %7 is read before it is written");
  EXPECT_EQ(line_fault("%0 = neg(%0)"), "line 3: %0 is written twice");
  EXPECT_EQ(line_fault("%1 = neg(%0) {axis=1}"), "line 3: neg has no attribute 'axis'");
  EXPECT_EQ(line_fault("%1 = softmax(%0) {axis=x}"), "line 3: 'x' is not a number");
  EXPECT_EQ(line_fault("%1 = softmax(%0) {axis=2}"),
            "line 3: softmax: axis 2 of a tensor of rank 2");
  EXPECT_EQ(line_fault("%1 = neg(%0) : f32[3,2]"),
            "line 3: the result is f32[2, 3], not f32[3, 2]");
  EXPECT_EQ(line_fault("%1, %2 = neg(%0)"), "line 3: 2 results named, 1 made");
  EXPECT_EQ(line_fault("%1 = neg(%0) : f32[2,3] layout(0,0)"),
            "line 3: the layout does not permute the dimensions");
  EXPECT_EQ(line_fault("%1 = literal f32[3] {1, 2}"), "line 3: 2 elements for [3]");
  EXPECT_EQ(line_fault("%1 = literal bool[1] {2}"), "line 3: a bool is 0 or 1");
  EXPECT_EQ(line_fault("%1 = input f32[-1] @step"),
            "line 3: extents [-1] are negative or too large");
  EXPECT_EQ(line_fault("%1 = input f32[1] @daily"),
            "line 3: 'daily' is no rate; these are: load, picture, prompt, step");
  EXPECT_EQ(line_fault("%1 = neg(%0) !"), "line 3: unexpected '!'");
  EXPECT_EQ(fault("graph {\n"), "the text ends before the graph's closing brace");
  EXPECT_EQ(fault("graph {\n}\nmore"), "line 3: unexpected 'more' after the graph");
}

TEST(Verify, RefusesNamesThatStandTwice) {
  Graph inputs = *parse("graph {\n%0 = input \"x\" f32[] @step\n%1 = input \"x\" f32[] @step\n}");
  EXPECT_EQ(verify(inputs).error().message, "two graph inputs are named 'x'");
  Graph outputs =
      *parse("graph {\n%0 = input \"x\" f32[] @step\noutput \"y\" %0\noutput \"y\" %0\n}");
  EXPECT_EQ(verify(outputs).error().message, "two graph outputs are named 'y'");
}

TEST(GraphBuilder, GivesNodesTheScopeTheyWereMadeIn) {
  GraphBuilder b;
  ValueId x = b.input("x", DType::f32, {2, 3}, Rate::step);
  {
    auto block = b.scope("down_blocks.0");
    {
      auto layer = b.scope("proj");
      ValueId y = b.linear(x, b.weight("w", DType::f16, {4, 3}), b.weight("b", DType::f16, {4}));
      EXPECT_EQ(b.shape(b.mark(y)), (Shape{2, 4}));
    }
    b.mark(b.path("act"), b.silu(x));
  }
  EXPECT_EQ(b.path(), "");
  EXPECT_EQ(b.marks[0].name, "down_blocks.0.proj");
  EXPECT_EQ(b.marks[1].name, "down_blocks.0.act");
  EXPECT_EQ(b.graph.nodes().back().origin, (std::vector<std::string>{"down_blocks.0"}));
  EXPECT_EQ(b.weight("w", DType::f16, {4, 3}), b.weight("w", DType::f16, {4, 3}));
}

}  // namespace
}  // namespace tempera::graph
