// Products of bf16 matrices, where the target has them.
#include "graph/build.h"
#include "lower/schedules/contraction.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Attributes;
using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;
using kernel::Config;

const Attributes kToF32 = {{"result", std::string("f32")}};

int64_t matrix_rows(const Config& config) {
  for (const auto& [name, value] : config.values)
    if (name == "matrix_rows") return value;
  return 0;
}

// The target's space, matrices only.
std::vector<Config> matrix_space(const graph::Group& group) {
  std::vector<Config> space = kContraction.space(group, target_with_matrices());
  std::erase_if(space, [](const Config& config) { return matrix_rows(config) == 0; });
  return space;
}

void check(const graph::Graph& body, const std::vector<Config>& space) {
  const graph::Group group = whole_group(body);
  const auto inputs = random_inputs(body, Data::small_integers);
  const Tensor want = graph::evaluate(body, inputs)[0];
  for (const Config& config : space) {
    const auto program = kContraction.build(group, target_with_matrices(), config);
    ASSERT_TRUE(program.ok()) << program.error().message;
    expect_close(run_program(group, *program, inputs)[0], want, 0, kernel::to_string(config));
    if (::testing::Test::HasFailure()) return;
  }
}

graph::Graph matmul(int64_t rows, int64_t channels, int64_t columns) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::bf16, {rows, channels}, Rate::step);
  const ValueId w = b.graph.add_input("w", DType::bf16, {columns, channels}, Rate::load);
  const ValueId y = b.op(graph::Op::matmul, {x, b.transpose(w, {1, 0})}, kToF32);
  b.output("y", b.cast(b.add(y, b.weight("bias", DType::f32, {columns})), DType::bf16));
  return b.graph;
}

graph::Graph conv(const Shape& x, const Shape& w, int64_t stride) {
  GraphBuilder b;
  const ValueId in = b.graph.add_input("x", DType::bf16, x, Rate::step, {{0, 2, 3, 1}});
  Attributes attributes = kToF32;
  attributes.set("pads", std::vector<int64_t>{1, 1, 1, 1});
  attributes.set("strides", std::vector<int64_t>{stride, stride});
  b.output("y", b.op(graph::Op::conv, {in, b.graph.add_input("w", DType::bf16, w, Rate::load)},
                     attributes));
  return b.graph;
}

// Every register tile once.
std::vector<Config> each_tile(const std::vector<Config>& space) {
  std::vector<Config> tiles;
  for (const Config& config : space)
    if (std::ranges::none_of(tiles, [&](const Config& t) {
          return t.at("tile_m") == config.at("tile_m") && t.at("tile_v") == config.at("tile_v");
        }))
      tiles.push_back(config);
  return tiles;
}

TEST(ContractionMatrices, AreTheFirstChoiceForLargeProducts) {
  for (const graph::Graph& body :
       {matmul(256, 320, 320), matmul(154, 768, 640), conv({1, 64, 16, 16}, {64, 64, 3, 3}, 1)}) {
    const graph::Group group = whole_group(body);
    const Config first = kContraction.space(group, target_with_matrices()).at(0);
    EXPECT_EQ(matrix_rows(first), 16) << kernel::to_string(first);
    EXPECT_EQ(matrix_rows(kContraction.space(group, target_of(64)).at(0)), 0);
  }
}

TEST(ContractionMatrices, AreExactOnSmallIntegers) {
  for (const graph::Graph& body :
       {matmul(50, 70, 40), matmul(64, 64, 96), conv({2, 35, 5, 6}, {20, 35, 3, 3}, 1),
        conv({1, 32, 9, 40}, {33, 32, 3, 3}, 2)}) {
    const std::vector<Config> space = matrix_space(whole_group(body));
    ASSERT_FALSE(space.empty());
    check(body, each_tile(space));
  }
}

TEST(ContractionMatrices, HaveAsManyRowsAsANarrowMap) {
  const graph::Graph body = conv({1, 32, 8, 8}, {32, 32, 3, 3}, 1);
  const std::vector<Config> space = matrix_space(whole_group(body));
  ASSERT_FALSE(space.empty());
  EXPECT_EQ(matrix_rows(space.at(0)), 8);
  check(body, {space.at(0)});
}

TEST(ContractionMatrices, SumSeveralChunksOfChannels) {
  check(matmul(40, 150, 48), {{{{"tile_m", 32},
                                {"tile_v", 2},
                                {"kc", 64},
                                {"block_h", 1},
                                {"block_w", 32},
                                {"block_n", 2},
                                {"matrix_rows", 16}}}});
}

TEST(ContractionMatrices, AreRefusedWithoutTheirRegisters) {
  const graph::Group group = whole_group(matmul(64, 64, 64));
  Config config{{{"tile_m", 32},
                 {"tile_v", 2},
                 {"kc", 64},
                 {"block_h", 1},
                 {"block_w", 32},
                 {"block_n", 1},
                 {"matrix_rows", 16}}};
  const auto without = kContraction.build(group, target_of(64), config);
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().message,
            "contraction: a 32x2 register tile needs more than 0 matrix registers");
  config.values[1].second = 3;
  EXPECT_FALSE(kContraction.build(group, target_with_matrices(), config).ok());
}

}  // namespace
}  // namespace tempera::lower::testing
