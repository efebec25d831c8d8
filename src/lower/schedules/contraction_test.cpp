#include "lower/schedules/contraction.h"

#include "graph/build.h"
#include "graph/passes/simplify.h"
#include "graph/passes/upsample_conv.h"
#include "lower/schedules/contraction_geometry.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower {
namespace {

using graph::Attributes;
using graph::GraphBuilder;
using graph::kAbsent;
using graph::Layout;
using graph::Rate;
using graph::ValueId;
using testing::check_schedule;
using testing::Data;

struct ConvCase {
  Shape x, w;
  GraphBuilder::ConvOptions options;
};

// silu(x * scale) -> conv -> + residual, channels-last in memory.
graph::Graph conv_graph(const ConvCase& c, bool integers) {
  GraphBuilder b;
  const Layout channels_last = c.x.size() == 4 ? Layout{{0, 2, 3, 1}} : Layout{{0, 2, 1}};
  ValueId x = b.graph.add_input("x", DType::f32, c.x, Rate::step, channels_last);
  if (!integers) x = b.silu(x);
  const ValueId y =
      b.conv(x, b.weight("w", DType::f16, c.w), b.weight("bias", DType::f32, {c.w[0]}), c.options);
  const ValueId residual =
      b.graph.add_input("residual", DType::f32, b.shape(y), Rate::step, channels_last);
  const ValueId sum = b.add(y, residual);
  b.graph.set_layout(y, channels_last);
  b.graph.set_layout(sum, channels_last);
  b.output("y", sum);
  return b.graph;
}

class ContractionConv : public ::testing::TestWithParam<ConvCase> {};

TEST_P(ContractionConv, IsExactOnSmallIntegers) {
  check_schedule(kContraction, conv_graph(GetParam(), true), {.data = Data::small_integers});
}

TEST_P(ContractionConv, StaysWithinTheBoundOnRandomData) {
  check_schedule(kContraction, conv_graph(GetParam(), false), {.bound = 2e-6, .most_configs = 2});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ContractionConv,
    ::testing::Values(ConvCase{{1, 32, 6, 8}, {32, 32, 3, 3}, {.pad = 1}},
                      ConvCase{{2, 7, 5, 9}, {5, 7, 3, 3}, {.pad = 1}},  // nothing divides
                      ConvCase{{1, 70, 4, 5}, {19, 70, 1, 1}, {}},       // one row of pixels
                      ConvCase{{1, 4, 9, 7}, {33, 4, 3, 3}, {.stride = 2, .pads = {0, 0, 1, 1}}},
                      ConvCase{
                          {2, 20, 11, 6}, {8, 20, 2, 3}, {.pads = {1, 2, 0, 1}, .dilation = 2}},
                      ConvCase{{1, 24, 17}, {16, 24, 5}, {.stride = 3, .pad = 2}},  // one dimension
                      ConvCase{{1, 1, 3, 3}, {1, 1, 3, 3}, {.pad = 1}}));

struct ConvTransposeCase {
  Shape x, w;
  std::vector<int64_t> strides, pads;
};

class ContractionConvTranspose : public ::testing::TestWithParam<ConvTransposeCase> {};

TEST_P(ContractionConvTranspose, IsExactOnSmallIntegers) {
  const ConvTransposeCase& c = GetParam();
  GraphBuilder b;
  const Layout channels_last = c.x.size() == 4 ? Layout{{0, 2, 3, 1}} : Layout{{0, 2, 1}};
  const ValueId x = b.graph.add_input("x", DType::f32, c.x, Rate::step, channels_last);
  const ValueId y =
      b.op(graph::Op::conv_transpose,
           {x, b.weight("w", DType::f16, c.w), b.weight("bias", DType::f32, {c.w[1]})},
           {{"strides", c.strides}, {"pads", c.pads}});
  b.graph.set_layout(y, channels_last);
  b.output("y", y);
  check_schedule(kContraction, b.graph, {.data = Data::small_integers, .most_configs = 3});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ContractionConvTranspose,
    ::testing::Values(ConvTransposeCase{{2, 20, 6, 9}, {20, 35, 4, 4}, {2, 2}, {1, 1, 1, 1}},
                      ConvTransposeCase{{1, 5, 4, 3}, {5, 8, 4, 6}, {2, 3}, {0, 2, 2, 1}},
                      ConvTransposeCase{{2, 7, 4, 3}, {7, 8, 3, 4}, {1, 4}, {1, 0, 1, 0}},
                      ConvTransposeCase{{1, 9, 11}, {9, 7, 4}, {2}, {1, 1}}));

// What upsample_conv makes: taps summed on the way into the packed weight.
TEST(ContractionConvTranspose, SumsTapsWhileItPacks) {
  GraphBuilder b;
  const Layout channels_last{{0, 2, 3, 1}};
  const ValueId x = b.upsample_nearest(
      b.graph.add_input("x", DType::f32, {1, 18, 5, 6}, Rate::step, channels_last), {10, 12});
  b.output("y", b.conv(x, b.weight("w", DType::f16, {21, 18, 3, 3}), kAbsent, {.pad = 1}));
  const graph::Graph folded = graph::drop_dead(graph::upsample_conv(b.graph));
  check_schedule(kContraction, folded, {.data = Data::small_integers, .most_configs = 3});
}

// A convolution of two tensors side by side, whose pieces begin at multiples of all vectors or of
// none.
TEST(ContractionOfConcat, ReadsThePiecesWhereTheyLie) {
  const Layout channels_last{{0, 2, 3, 1}};
  for (const auto& [first, second] : {std::pair{32, 16}, {7, 12}}) {
    GraphBuilder b;
    const ValueId x =
        b.graph.add_input("x", DType::f32, {2, first, 4, 5}, Rate::step, channels_last);
    const ValueId y =
        b.graph.add_input("y", DType::f32, {2, second, 4, 5}, Rate::step, channels_last);
    const ValueId scale = b.input("scale", DType::f32, {first + second, 1, 1}, Rate::step);
    const ValueId both = b.mul(b.concat({x, y}, 1), scale);
    b.output("o", b.conv(both, b.weight("w", DType::f16, {9, first + second, 3, 3}), kAbsent,
                         {.pad = 1}));
    check_schedule(kContraction, b.graph, {.data = Data::small_integers, .most_configs = 2});
  }
}

TEST(ContractionOfConcat, PacksThePiecesOfAWeight) {
  for (const bool turned : {false, true})
    for (const int64_t width : {16, 11}) {
      GraphBuilder b;
      std::vector<ValueId> pieces;
      for (const int64_t n : {width, 2 * width, width})
        pieces.push_back(b.weight(fmt::format("w{}", pieces.size()), DType::f16,
                                  turned ? Shape{n, 35} : Shape{35, n}));
      ValueId w = b.concat(pieces, turned ? 0 : 1);
      if (turned) w = b.transpose(w, {1, 0});
      b.output("o", b.matmul(b.input("x", DType::f32, {6, 35}, Rate::step), w));
      check_schedule(kContraction, b.graph, {.data = Data::small_integers, .most_configs = 2});
    }
}

struct MatmulCase {
  Shape a, b;
  bool weight;
};

graph::Graph matmul_graph(const MatmulCase& c) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, c.a, Rate::step);
  const ValueId w =
      c.weight ? b.weight("w", DType::f32, c.b) : b.input("w", DType::f32, c.b, Rate::step);
  b.output("y", b.matmul(x, w));
  return b.graph;
}

class ContractionMatmul : public ::testing::TestWithParam<MatmulCase> {};

TEST_P(ContractionMatmul, IsExactOnSmallIntegers) {
  check_schedule(kContraction, matmul_graph(GetParam()), {.data = Data::small_integers});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, ContractionMatmul,
    ::testing::Values(MatmulCase{{24, 40}, {40, 64}, true}, MatmulCase{{2, 7, 33}, {33, 10}, true},
                      MatmulCase{{3, 5, 6}, {3, 6, 9}, false},  // a batch on both sides
                      MatmulCase{{1, 1, 130}, {130, 3}, false},
                      MatmulCase{{2, 2, 4, 8}, {8, 17}, true}));

TEST(Contraction, ReadsATransposedWeightAndWritesThroughATranspose) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {2, 12, 20}, Rate::step);
  const ValueId y =
      b.linear(x, b.weight("w", DType::bf16, {24, 20}), b.weight("bias", DType::bf16, {24}));
  b.output("y", b.transpose(b.reshape(y, {2, 3, 4, 24}), {0, 3, 1, 2}));
  check_schedule(kContraction, b.graph, {.data = Data::small_integers});
}

TEST(Contraction, UpsamplesOnTheWayIn) {
  GraphBuilder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {1, 16, 3, 4}, Rate::step, {{0, 2, 3, 1}});
  const ValueId up = b.upsample_nearest(x, {6, 8});
  b.output("y", b.conv(up, b.weight("w", DType::f32, {16, 16, 3, 3}), kAbsent, {.pad = 1}));
  check_schedule(kContraction, b.graph, {.data = Data::small_integers});
}

TEST(Contraction, SumsSeveralChunksOfChannels) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {1, 9, 100}, Rate::step);
  b.output("y", b.silu(b.linear(x, b.weight("w", DType::f32, {40, 100}))));
  const graph::Group group = testing::whole_group(b.graph);
  const Target target = testing::target_of(32);
  const kernel::Config config{
      {{"tile_m", 4}, {"tile_v", 2}, {"kc", 24}, {"block_h", 1}, {"block_w", 8}, {"block_n", 2}}};
  const auto inputs = testing::random_inputs(b.graph, Data::normal);
  const auto program = kContraction.build(group, target, config);
  ASSERT_TRUE(program.ok()) << program.error().message;
  const auto got = testing::run_program(group, *program, inputs);
  testing::expect_close(got[0], graph::evaluate(b.graph, inputs)[0], 2e-6,
                        "chunks of 24 of 100 channels");
}

struct Operands {
  DType a, b;
};

class ContractionOperands : public ::testing::TestWithParam<Operands> {};

// Integers up to 4 and their sums are exact in all of these dtypes.
TEST_P(ContractionOperands, AreMultipliedExactlyAndSummedInF32) {
  const Attributes to_f32 = {{"result", std::string("f32")}};
  for (const bool conv : {true, false}) {
    for (const int64_t channels : {64, 35}) {
      GraphBuilder b;
      const ValueId bias = b.weight("bias", DType::f16, {24});
      const ValueId w = conv ? b.weight("w", DType::f32, {24, channels, 3, 3})
                             : b.weight("w", DType::f32, {24, channels});
      const ValueId b_side = b.cast(w, GetParam().b);
      ValueId y;
      if (conv) {
        const ValueId x =
            b.graph.add_input("x", GetParam().a, {2, channels, 5, 6}, Rate::step, {{0, 2, 3, 1}});
        y = b.op(graph::Op::conv, {x, b_side},
                 {{"result", std::string("f32")}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
        y = b.add(y, b.reshape(bias, {24, 1, 1}));
      } else {
        const ValueId x = b.input("x", GetParam().a, {2, 9, channels}, Rate::step);
        y = b.add(b.op(graph::Op::matmul, {x, b.transpose(b_side, {1, 0})}, to_f32), bias);
      }
      b.output("y", b.cast(y, DType::bf16));
      check_schedule(kContraction, b.graph, {.data = Data::small_integers});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, ContractionOperands,
                         ::testing::Values(Operands{DType::bf16, DType::bf16},
                                           Operands{DType::f16, DType::f16},
                                           Operands{DType::f32, DType::f16},
                                           Operands{DType::f32, DType::bf16},
                                           Operands{DType::bf16, DType::f32}));

// values of i8 times a scale for each output and block of 64 channels, which are dimension d.
ValueId dequantized(GraphBuilder& b, const Shape& shape, int d = 1) {
  Shape blocks = shape, grouped = shape, repeated = shape;
  blocks[d] /= 64;
  grouped[d] = blocks[d];
  grouped.insert(grouped.begin() + d + 1, 1);
  repeated[d] = blocks[d];
  repeated.insert(repeated.begin() + d + 1, 64);
  const ValueId scale = b.weight("scale", DType::f32, blocks);
  const ValueId wide = b.reshape(b.broadcast_to(b.reshape(scale, grouped), repeated), shape);
  return b.mul(b.cast(b.graph.add_input("q", DType::i8, shape, Rate::load), DType::f32), wide);
}

TEST(Contraction, WidensQuantizedWeightsAPanelAtATime) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    GraphBuilder b;
    const Attributes result = {{"result", std::string("f32")}};
    const ValueId x = b.input("x", dtype, {1, 9, 192}, Rate::step);
    const ValueId w = b.cast(dequantized(b, {40, 192}), dtype);
    b.output("y", b.op(graph::Op::matmul, {x, b.transpose(w, {1, 0})}, result));
    check_schedule(kContraction, b.graph, {.data = Data::small_integers});
  }
  GraphBuilder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {1, 128, 4, 5}, Rate::step, {{0, 2, 3, 1}});
  b.output("y", b.conv(x, dequantized(b, {20, 128, 3, 3}), kAbsent, {.pad = 1}));
  check_schedule(kContraction, b.graph, {.data = Data::small_integers, .most_configs = 2});
}

TEST(Contraction, WidensQuantizedWeightsOfEachPhaseOfATransposedConvolution) {
  GraphBuilder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {2, 128, 3, 4}, Rate::step, {{0, 2, 3, 1}});
  b.output("y", b.op(graph::Op::conv_transpose, {x, dequantized(b, {128, 20, 4, 4}, 0)},
                     {{"strides", std::vector<int64_t>{2, 2}},
                      {"pads", std::vector<int64_t>{1, 1, 1, 1}}}));
  const graph::Group group = testing::whole_group(b.graph);
  ASSERT_TRUE(contraction_geometry(group)->quantized.has_value());
  check_schedule(kContraction, b.graph, {.data = Data::small_integers, .most_configs = 2});
}

TEST(Contraction, RefusesARegisterTileThatDoesNotFit) {
  const graph::Group group = testing::whole_group(matmul_graph({{24, 40}, {40, 64}, true}));
  const kernel::Config config{
      {{"tile_m", 16}, {"tile_v", 4}, {"kc", 40}, {"block_h", 1}, {"block_w", 16}, {"block_n", 1}}};
  const auto program = kContraction.build(group, testing::target_of(64), config);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().message,
            "contraction: a 16x4 register tile needs more than 32 vector registers");
}

}  // namespace
}  // namespace tempera::lower
