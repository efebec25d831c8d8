// The passes but for simplify and fuse: text in, text out.
#include <gtest/gtest.h>

#include "graph/passes/choose_layout.h"
#include "graph/passes/expand_norms.h"
#include "graph/passes/fold_literals.h"
#include "graph/passes/pipeline.h"
#include "graph/passes/simplify.h"
#include "graph/passes/split_by_rate.h"
#include "graph/testing.h"

namespace tempera::graph {
namespace {

using testing::graph_of;

// The text of what the pass makes of these statements, without the frame.
std::string after(Graph (*pass)(const Graph&), const std::string& lines) {
  Graph graph = pass(graph_of(lines));
  CHECK(verify(graph).ok(), "{}", verify(graph).error().message);
  std::string text = print(graph);
  return text.substr(8, text.size() - 10);
}

TEST(FoldLiterals, ComputesWhatOnlyReadsLiterals) {
  auto fold = [](const Graph& graph) { return drop_dead(fold_literals(graph, 4)); };
  EXPECT_EQ(after(fold, R"(
    %x = input "x" f32[3] @step
    %a = literal f32[3] {1, 2, 3}
    %b = literal f32[] {2}
    %c = mul(%a, %b)
    %d = add(%c, %b)
    %r = add(%x, %d)
    output %r)"),
            R"(  %0 = input "x" f32[3] @step
  %1 = literal f32[3] {4, 6, 8}
  %2 = add(%0, %1) : f32[3]
  output "" %2
)");
}

TEST(FoldLiterals, KeepsNodesWhoseResultIsLarge) {
  std::string lines = R"(  %0 = literal f32[3,1] {1, 2, 3}
  %1 = literal f32[1,3] {1, 2, 3}
  %2 = add(%0, %1) : f32[3,3]
  %3 = broadcast_to(%0) {shape=[3,2]} : f32[3,2]
  output "a" %2
  output "b" %3
)";
  auto fold = [](const Graph& graph) { return fold_literals(graph, 8); };
  EXPECT_EQ(after(fold, lines), lines);
}

constexpr const char* kNorms = R"(
  %x = input "x" f32[2,6,4,5] @step
  %g = input "g" f32[6] @load
  %b = input "b" f32[6] @load
  %n = group_norm(%x, %g, %b) {groups=3, epsilon=1e-06}
  %t = transpose(%n) {perm=[0,2,3,1]}
  %l = layer_norm(%t, %g, %b)
  %m = layer_norm(%l, %g)
  output "n" %n
  output "m" %m)";

TEST(ExpandNorms, KeepsWhatNormsCompute) {
  Graph before = graph_of(kNorms), after = expand_norms(before);
  for (const Node& node : after.nodes())
    EXPECT_TRUE(node.op != Op::group_norm && node.op != Op::layer_norm);
  for (uint32_t seed = 0; seed < 5; ++seed)
    EXPECT_LE(testing::distance(before, after, seed), 1e-12);
}

TEST(ExpandNorms, KeepsGroupNormsScaleAndShiftSmall) {
  EXPECT_EQ(after(expand_norms, R"(
    %x = input "x" f32[2,6,4,5] @step
    %g = input "g" f32[6] @load
    %n = group_norm(%x, %g, %g) {groups=3}  # norm1
    output %n)"),
            R"(  %0 = input "x" f32[2,6,4,5] @step
  %1 = input "g" f32[6] @load
  %2 = channel_moments(%0) : f32[2,18]  # norm1
  %3, %4 = group_norm_affine(%1, %1, %2) {groups=3} : f32[2,6,1,1], f32[2,6,1,1]  # norm1
  %5 = mul(%0, %3) : f32[2,6,4,5]  # norm1
  %6 = add(%5, %4) : f32[2,6,4,5]  # norm1
  output "" %6
)");
}

constexpr const char* kNormOfPieces = R"(
    %a = input "a" f32[2,4,3,3] @step
    %b = input "b" f32[1,2,3,3] @step
    %g = input "g" f32[6] @load
    %both = broadcast_to(%b) {shape=[2,2,3,3]}
    %x = concat(%a, %both) {axis=1}
    %n = group_norm(%x, %g, %g) {groups=2}
    output %n)";

TEST(ExpandNorms, TakesTheMomentsOfAConcatFromItsPiecesAndOfWhatIsRepeatedOnce) {
  const std::string text = after(expand_norms, kNormOfPieces);
  EXPECT_NE(text.find("channel_moments(%0)"), std::string::npos) << text;
  EXPECT_NE(text.find("channel_moments(%1)"), std::string::npos) << text;
  EXPECT_EQ(text.find("channel_moments(%4)"), std::string::npos) << text;
  const Graph before = graph_of(kNormOfPieces), expanded = expand_norms(before);
  for (uint32_t seed = 1; seed <= 3; ++seed)
    EXPECT_LE(testing::distance(before, expanded, seed), 1e-12);
}

// As sink_repeat writes a repetition of several images.
TEST(ExpandNorms, TakesTheMomentsOfRepeatedImagesOnce) {
  const std::string norm_of_pieces = R"(
    %a = input "a" f32[4,4,3,3] @step
    %b = input "b" f32[2,2,3,3] @step
    %g = input "g" f32[6] @load
    %one = reshape(%b) {shape=[1,2,2,3,3]}
    %two = broadcast_to(%one) {shape=[2,2,2,3,3]}
    %both = reshape(%two) {shape=[4,2,3,3]}
    %x = concat(%a, %both) {axis=1}
    %n = group_norm(%x, %g, %g) {groups=2}
    %h = input "h" f32[2] @load
    %m = group_norm(%both, %h, %h) {groups=1}
    output %n
    output %m)";
  const std::string text = after(expand_norms, norm_of_pieces);
  EXPECT_NE(text.find("channel_moments(%1)"), std::string::npos) << text;
  EXPECT_NE(text.find("channel_moments(%6)"), std::string::npos)
      << "of all where there is nothing else" << text;
  const Graph before = graph_of(norm_of_pieces), expanded = expand_norms(before);
  for (uint32_t seed = 1; seed <= 3; ++seed)
    EXPECT_LE(testing::distance(before, expanded, seed), 1e-12);
}

TEST(ChooseLayout, KeepsImagesChannelsLastBetweenRowMajorEnds) {
  EXPECT_EQ(after(choose_layout, R"(
    %x = input "x" f32[1,4,8,8] @step
    %w = input "w" f32[6,4,3,3] @load
    %c = conv(%x, %w) {pads=[1,1,1,1]}
    %s = silu(%c)
    %u = upsample_nearest(%s) {size=[16,16]}
    %g = reshape(%c) {shape=[1,2,3,8,8]}
    %t = transpose(%c) {perm=[0,2,3,1]}
    %f = reshape(%t) {shape=[1,64,6]}
    %b = reshape(%f) {shape=[1,8,8,6]}
    %i = transpose(%b) {perm=[0,3,1,2]}
    %m = reshape(%c) {shape=[1,6,64]}
    %n = reshape(%c) {shape=[2,192]}
    %r = neg(%u)
    output "r" %r)"),
            R"(  %0 = input "x" f32[1,4,8,8] @step
  %1 = input "w" f32[6,4,3,3] @load
  %2 = conv(%0, %1) {pads=[1,1,1,1]} : f32[1,6,8,8] layout(0,2,3,1)
  %3 = silu(%2) : f32[1,6,8,8] layout(0,2,3,1)
  %4 = upsample_nearest(%3) {size=[16,16]} : f32[1,6,16,16] layout(0,2,3,1)
  %5 = reshape(%2) {shape=[1,2,3,8,8]} : f32[1,2,3,8,8] layout(0,3,4,1,2)
  %6 = transpose(%2) {perm=[0,2,3,1]} : f32[1,8,8,6]
  %7 = reshape(%6) {shape=[1,64,6]} : f32[1,64,6]
  %8 = reshape(%7) {shape=[1,8,8,6]} : f32[1,8,8,6]
  %9 = transpose(%8) {perm=[0,3,1,2]} : f32[1,6,8,8] layout(0,2,3,1)
  %10 = reshape(%2) {shape=[1,6,64]} : f32[1,6,64] layout(0,2,1)
  %11 = reshape(%2) {shape=[2,192]} : f32[2,192]
  %12 = neg(%4) : f32[1,6,16,16]
  output "r" %12
)");
}

TEST(ChooseLayout, CopiesAnOutputThatIsReadInsideToo) {
  EXPECT_EQ(after(choose_layout, R"(
    %x = input "x" f32[1,4,8,8] @step
    %w = input "w" f32[4,4,1,1] @load
    %c = conv(%x, %w)
    %s = silu(%c)
    output "c" %c
    output "s" %s)"),
            R"(  %0 = input "x" f32[1,4,8,8] @step
  %1 = input "w" f32[4,4,1,1] @load
  %2 = conv(%0, %1) : f32[1,4,8,8] layout(0,2,3,1)
  %3 = silu(%2) : f32[1,4,8,8]
  %4 = reshape(%2) {shape=[1,4,8,8]} : f32[1,4,8,8]
  output "c" %4
  output "s" %3
)");
}

TEST(SplitByRate, ListsTheNodesOfEachRateAndWhatCrosses) {
  Graph graph = graph_of(R"(
    %w = input "w" f16[4,4] @load
    %p = input "p" f32[2,4] @prompt
    %x = input "x" f32[2,4] @step
    %one = literal f32[] {1}
    %w32 = cast(%w) {to=f32}
    %k = matmul(%p, %w32)
    %k1 = add(%k, %one)
    %y = add(%x, %k1)
    %z = add(%y, %one)
    output %z
    output "k" %k)");
  RateSplit split = split_by_rate(graph);
  EXPECT_EQ(split.nodes[static_cast<size_t>(Rate::load)], (std::vector<NodeId>{1}));
  EXPECT_EQ(split.nodes[static_cast<size_t>(Rate::prompt)], (std::vector<NodeId>{2, 3}));
  EXPECT_EQ(split.nodes[static_cast<size_t>(Rate::step)], (std::vector<NodeId>{4, 5}));
  EXPECT_EQ(split.states, (std::vector<ValueId>{4, 6}));
}

TEST(Pipeline, DumpsAfterThePassAskedForAndRefusesOthers) {
  Graph graph = graph_of(kNorms);
  auto rules = default_fuse_rules();
  auto built = run_passes(graph, rules, {.dump_after = "build", .verify = true});
  EXPECT_EQ(built->dump, print(graph));
  auto expanded = run_passes(graph, rules, {.dump_after = "expand_norms", .verify = true});
  EXPECT_NE(expanded->dump.find("moments"), std::string::npos);
  auto fused = run_passes(graph, rules, {.dump_after = "fuse"});
  EXPECT_NE(fused->dump.find("// group 0: channel_moments @step"), std::string::npos)
      << fused->dump;
  EXPECT_EQ(run_passes(graph, rules, {.dump_after = "nope"}).error().message,
            "'nope' is no pass; these are: build, simplify, fold_literals, sink_repeat, "
            "upsample_conv, merge_products, chain_products, expand_norms, simplify_again, "
            "precision_operands, precision_storage, choose_layout, fuse");
}

}  // namespace
}  // namespace tempera::graph
