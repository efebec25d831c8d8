#include "graph/infer.h"

#include <gtest/gtest.h>

#include "graph/testing.h"

namespace tempera::graph {
namespace {

// "f32[2,3]" of the last statement's results, or the fault.
std::string inferred(const std::string& lines) {
  auto graph = parse("graph {\n" + lines + "\n}");
  if (!graph.ok()) return graph.error().message.substr(graph.error().message.find(": ") + 2);
  std::string text;
  for (ValueId id : graph->nodes().back().outputs)
    text += (text.empty() ? "" : ", ") + std::string(name(graph->value(id).dtype)) +
            to_string(graph->value(id).shape);
  return text;
}

std::string of_two(const std::string& a, const std::string& b, const std::string& op) {
  return inferred("%a = input " + a + " @step\n%b = input " + b + " @step\n%r = " + op);
}

std::string of_one(const std::string& a, const std::string& op) {
  return inferred("%a = input " + a + " @step\n%r = " + op);
}

TEST(Infer, BroadcastsElementwiseOperands) {
  EXPECT_EQ(of_two("f32[2,1,4]", "f32[3,1]", "add(%a, %b)"), "f32[2, 3, 4]");
  EXPECT_EQ(of_two("f32[2]", "f32[3]", "add(%a, %b)"), "add: shapes [2] and [3] do not broadcast");
  EXPECT_EQ(of_two("f32[2]", "f16[2]", "add(%a, %b)"), "add: operands are f32 and f16; cast one");
  EXPECT_EQ(of_two("i32[2]", "i32[2]", "less(%a, %b)"), "bool[2]");
  EXPECT_EQ(of_one("i32[2]", "exp(%a)"), "exp: does not take i32");
  EXPECT_EQ(of_two("f32[2]", "f32[2]", "where(%a, %a, %b)"),
            "where: the condition is f32, not bool");
  EXPECT_EQ(of_one("f32[2]", "add(%a)"), "add: takes 2 inputs, not 1");
  EXPECT_EQ(of_one("f32[2]", "add(%a, _)"), "add: input 1 is missing");
}

TEST(Infer, KnowsScans) {
  EXPECT_EQ(of_one("f16[2,6]", "rank(%a)"), "i32[2, 6]");
  EXPECT_EQ(of_one("f16[2,6]", "rank(%a) {axis=2}"), "rank: axis 2 of a tensor of rank 2");
  EXPECT_EQ(of_two("f32[2,6,4]", "i32[2,6]", "segment_mean(%a, %b) {segments=3}"), "f32[2, 3, 4]");
  EXPECT_EQ(of_two("f32[2,6,4]", "i32[2,5]", "segment_mean(%a, %b) {segments=3}"),
            "segment_mean: [2, 6, 4] does not fit ids [2, 5]");
  EXPECT_EQ(of_two("f32[6,4]", "f32[6]", "segment_mean(%a, %b)"), "segment_mean: of f32 by f32");
}

TEST(Infer, KnowsMovements) {
  EXPECT_EQ(of_one("f32[2,6]", "reshape(%a) {shape=[-1,4]}"), "f32[3, 4]");
  EXPECT_EQ(of_one("f32[2,6]", "reshape(%a) {shape=[5]}"), "reshape: [2, 6] does not become [5]");
  EXPECT_EQ(of_one("f32[2,3,4]", "transpose(%a) {perm=[2,0,1]}"), "f32[4, 2, 3]");
  EXPECT_EQ(of_one("f32[2,3]", "transpose(%a) {perm=[0,0]}"),
            "transpose: perm [0, 0] does not permute the 2 dimensions of [2, 3]");
  EXPECT_EQ(of_one("f32[5,7]", "slice(%a) {axes=[-1], ends=[-1], starts=[1], steps=[2]}"),
            "f32[5, 3]");
  EXPECT_EQ(of_one("f32[5]", "slice(%a) {axes=[0], ends=[-9], starts=[-1], steps=[-1]}"), "f32[5]");
  EXPECT_EQ(of_one("f32[5]", "slice(%a) {ends=[9], starts=[7]}"), "f32[0]");
  EXPECT_EQ(of_two("f32[2,3]", "f32[2,4]", "concat(%a, %b) {axis=1}"), "f32[2, 7]");
  EXPECT_EQ(of_two("f32[2,3]", "f32[3,3]", "concat(%a, %b) {axis=1}"),
            "concat: input 1 is [3, 3], input 0 is [2, 3], along axis 1");
  EXPECT_EQ(of_one("f32[2,6]", "split(%a) {axis=1, sizes=[2,5]}"),
            "split: sizes [2, 5] do not divide axis 1 of [2, 6]");
  EXPECT_EQ(of_one("f32[2,6]", "pad(%a) {pads=[0,1,2,3]}"), "f32[4, 10]");
  EXPECT_EQ(of_one("f32[1,2,3,4]", "upsample_nearest(%a) {size=[6,9]}"), "f32[1, 2, 6, 9]");
  EXPECT_EQ(of_two("f32[9,4]", "i64[2,3]", "gather(%a, %b)"), "f32[2, 3, 4]");
  EXPECT_EQ(of_two("f32[9,4]", "f32[2]", "gather(%a, %b)"),
            "gather: indices are f32, not i64 or i32");
}

TEST(Infer, KnowsContractions) {
  EXPECT_EQ(of_two("f32[5,1,2,3]", "f32[4,3,6]", "matmul(%a, %b)"), "f32[5, 4, 2, 6]");
  EXPECT_EQ(of_two("f32[3]", "f32[4,3,6]", "matmul(%a, %b)"), "f32[4, 6]");
  EXPECT_EQ(of_two("f32[2,3]", "f32[3]", "matmul(%a, %b)"), "f32[2]");
  EXPECT_EQ(of_two("f32[2,3]", "f32[2,3]", "matmul(%a, %b)"), "matmul: [2, 3] x [2, 3] do not fit");
  EXPECT_EQ(of_two("f32[1,4,9,9]", "f32[8,4,3,3]", "conv(%a, %b) {pads=[0,0,1,1], strides=[2,2]}"),
            "f32[1, 8, 4, 4]");
  EXPECT_EQ(of_two("f32[1,9,8,8]", "f32[8,4,3,3]", "conv(%a, %b)"),
            "conv: [1, 9, 8, 8] has 9 channels, weight [8, 4, 3, 3] with 1 groups takes 4");
  EXPECT_EQ(of_two("f32[1,4,2,2]", "f32[8,4,3,3]", "conv(%a, %b)"),
            "conv: weight [8, 4, 3, 3] is larger than [1, 4, 2, 2] with its pads");
  EXPECT_EQ(of_two("f32[1,4,9,8]", "f32[4,6,4,4]",
                   "conv_transpose(%a, %b) {pads=[1,1,1,1], strides=[2,2]}"),
            "f32[1, 6, 18, 16]");
  EXPECT_EQ(of_two("f32[1,4,9,8]", "f32[6,4,4,4]", "conv_transpose(%a, %b)"),
            "conv_transpose: [1, 4, 9, 8] has 4 channels, weight [6, 4, 4, 4] with 1 groups takes "
            "6");
  EXPECT_EQ(of_two("f32[1,4,1,1]", "f32[4,4,1,1]", "conv_transpose(%a, %b) {pads=[1,0,0,0]}"),
            "conv_transpose: weight [4, 4, 1, 1] over [1, 4, 1, 1] leaves nothing between its "
            "pads");
}

TEST(Infer, ContractsFloatsOfDifferentDtypes) {
  EXPECT_EQ(of_two("f32[2,3]", "f16[3,4]", "matmul(%a, %b)"), "f32[2, 4]");
  EXPECT_EQ(of_two("bf16[2,3]", "f32[3,4]", "matmul(%a, %b)"), "bf16[2, 4]");
  EXPECT_EQ(of_two("bf16[2,3]", "bf16[3,4]", "matmul(%a, %b) {result=\"f32\"}"), "f32[2, 4]");
  EXPECT_EQ(of_two("f32[2,3,5]", "bf16[4,3,1]", "conv(%a, %b) {result=\"f16\"}"), "f16[2, 4, 5]");
  EXPECT_EQ(of_two("f32[2,3]", "i8[3,4]", "matmul(%a, %b)"), "matmul: of f32 and i8");
  EXPECT_EQ(of_two("f32[2,3,5]", "i8[4,3,1]", "conv(%a, %b)"), "conv: needs floats, not i8");
  EXPECT_EQ(of_two("f32[2,3]", "f32[3,4]", "matmul(%a, %b) {result=\"i8\"}"),
            "matmul: result 'i8' of f32; floats may be f64, f32, f16 or bf16");
  EXPECT_EQ(of_two("i8[2,3]", "i8[3,4]", "matmul(%a, %b) {result=\"f32\"}"),
            "matmul: result 'f32' of i8; floats may be f64, f32, f16 or bf16");
}

TEST(Infer, KnowsReductionsNormsAndAttention) {
  EXPECT_EQ(of_one("f32[2,3,4]", "reduce_sum(%a) {axes=[-1,0]}"), "f32[1, 3, 1]");
  EXPECT_EQ(of_one("f32[2,3]", "reduce_max(%a) {axes=[0,-2]}"),
            "reduce_max: the axes [0, -2] name one twice");
  EXPECT_EQ(of_one("f32[2,3]", "argmax(%a) {axis=1, keepdims=0}"), "i64[2]");
  EXPECT_EQ(inferred("%a = input f32[2,3] @step\n%m, %r = moments(%a) {axes=[1]}"),
            "f32[2, 1], f32[2, 1]");
  EXPECT_EQ(of_two("f32[2,6,5]", "f32[6]", "group_norm(%a, %b, %b) {groups=4}"),
            "group_norm: 4 groups of the channels of [2, 6, 5]");
  EXPECT_EQ(inferred("%a = input f32[2,6,5,7] @step\n%b = input f32[6] @load\n"
                     "%m = channel_moments(%a)\n"
                     "%f, %t = group_norm_affine(%b, %b, %m) {groups=3}"),
            "f32[2, 6, 1, 1], f32[2, 6, 1, 1]");
  EXPECT_EQ(of_one("f32[2,3,5]", "channel_moments(%a)"), "f32[2, 9]");
  EXPECT_EQ(of_two("f32[2,6]", "f32[3]", "group_norm_affine(%b, %b, %a)"),
            "group_norm_affine: scale [3] or bias [3] for 2 channels");
  EXPECT_EQ(of_two("f32[2,6,8]", "f32[2,7,8]", "attention(%a, %b, %b) {heads=2}"), "f32[2, 6, 8]");
  EXPECT_EQ(of_two("f32[2,6,8]", "f32[2,7,8]", "attention(%a, %b, %b) {heads=3}"),
            "attention: q [2, 6, 8], k [2, 7, 8], v [2, 7, 8] with 3 heads do not fit");
}

}  // namespace
}  // namespace tempera::graph
