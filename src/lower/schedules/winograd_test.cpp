#include "lower/schedules/winograd.h"

#include "graph/build.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower {
namespace {

using graph::GraphBuilder;
using graph::Layout;
using graph::Rate;
using graph::ValueId;
using testing::check_schedule;

struct Case {
  Shape x, w;
  std::vector<int64_t> pads;  // before h, w, after h, w
};

// silu(x) -> conv of operands of a dtype + bias -> + residual, channels-last in memory, f32.
graph::Graph conv_graph(const Case& c, DType operands) {
  GraphBuilder b;
  const Layout channels_last{{0, 2, 3, 1}};
  const ValueId x = b.graph.add_input("x", DType::f32, c.x, Rate::step, channels_last);
  const ValueId y = b.op(graph::Op::conv,
                         {b.cast(b.silu(x), operands), b.weight("w", DType::f16, c.w, operands),
                          b.weight("bias", DType::f32, {c.w[0]})},
                         {{"pads", c.pads}, {"result", std::string("f32")}});
  const ValueId residual =
      b.graph.add_input("residual", DType::f32, b.shape(y), Rate::step, channels_last);
  const ValueId sum = b.add(y, residual);
  b.graph.set_layout(y, channels_last);
  b.graph.set_layout(sum, channels_last);
  b.output("y", sum);
  return b.graph;
}

class WinogradConv : public ::testing::TestWithParam<Case> {};

TEST_P(WinogradConv, OfF32StaysWithinTheBound) {
  check_schedule(kWinograd, conv_graph(GetParam(), DType::f32), {.bound = 1e-5, .most_configs = 2});
}

TEST_P(WinogradConv, OfBf16StaysWithinTheBound) {
  check_schedule(kWinograd, conv_graph(GetParam(), DType::bf16),
                 {.bound = 6e-3, .vector_bytes = {64}, .most_configs = 2});
}

TEST_P(WinogradConv, OfBf16WithoutDotProductsIsOfF32) {
  check_schedule(kWinograd, conv_graph(GetParam(), DType::bf16),
                 {.bound = 1e-5, .vector_bytes = {32}, .most_configs = 1});
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, WinogradConv,
    ::testing::Values(Case{{1, 32, 8, 8}, {32, 32, 3, 3}, {1, 1, 1, 1}},
                      Case{{2, 7, 5, 9}, {5, 7, 3, 3}, {1, 1, 1, 1}},  // nothing divides
                      Case{{1, 70, 6, 6}, {19, 70, 3, 3}, {0, 0, 0, 0}},
                      Case{{1, 20, 3, 2}, {33, 20, 3, 3}, {1, 1, 1, 1}},  // less than a tile
                      Case{{1, 16, 9, 10}, {16, 16, 3, 3}, {0, 2, 1, 1}},
                      Case{{1, 1, 4, 4}, {1, 1, 3, 3}, {1, 1, 1, 1}}));

TEST(Winograd, ReadsThePiecesOfAConcatWhereTheyLie) {
  const Layout channels_last{{0, 2, 3, 1}};
  for (const int64_t first : {32, 9}) {
    GraphBuilder b;
    const auto image = [&](const char* name, int64_t channels) {
      return b.graph.add_input(name, DType::f32, {2, channels, 5, 6}, Rate::step, channels_last);
    };
    const ValueId both = b.silu(b.concat({image("x", first), image("y", 16)}, 1));
    b.output("o", b.conv(both, b.weight("w", DType::f32, {20, first + 16, 3, 3}), graph::kAbsent,
                         {.pad = 1}));
    check_schedule(kWinograd, b.graph, {.bound = 1e-5, .most_configs = 2});
  }
}

TEST(Winograd, ExecutesFewerProducts) {
  const graph::Group group =
      testing::whole_group(conv_graph({{1, 32, 8, 8}, {32, 32, 3, 3}, {1, 1, 1, 1}}, DType::f32));
  const Target target = testing::target_of(64);
  const auto program = kWinograd.build(group, target, kWinograd.space(group, target).at(0));
  ASSERT_TRUE(program.ok()) << program.error().message;
  EXPECT_EQ(program->executed_flops, 2.0 * 36 * 4 * 32 * 32);
}

TEST(Winograd, LeavesOtherConvolutionsAlone) {
  const auto accepts = [](const Shape& w, const GraphBuilder::ConvOptions& options) {
    GraphBuilder b;
    const ValueId x = b.input("x", DType::f32, {1, 8, 9, 9}, Rate::step);
    b.output("y", b.conv(x, b.weight("w", DType::f32, w), graph::kAbsent, options));
    return kWinograd.accepts(testing::whole_group(std::move(b.graph)), testing::target_of(64));
  };
  EXPECT_TRUE(accepts({4, 8, 3, 3}, {}));
  EXPECT_FALSE(accepts({4, 8, 1, 1}, {}));
  EXPECT_FALSE(accepts({4, 8, 3, 3}, {.stride = 2}));
  EXPECT_FALSE(accepts({4, 8, 3, 3}, {.dilation = 2}));
  EXPECT_FALSE(accepts({4, 4, 3, 3}, {.groups = 2}));
}

}  // namespace
}  // namespace tempera::lower
