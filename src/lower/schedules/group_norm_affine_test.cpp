#include "lower/schedules/group_norm_affine.h"

#include "graph/build.h"
#include "lower/schedules/group_norm_channels.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Rate;
using graph::ValueId;

const graph::Layout kChannelsLast{{0, 2, 3, 1}};

// What stands in front of the norm.
enum class Front { nothing, addition, widening };

graph::Graph affine(const Shape& shape, int64_t groups, const graph::Layout& layout,
                    Front front = Front::nothing) {
  graph::Graph body;
  const DType stored = front == Front::widening ? DType::bf16 : DType::f32;
  ValueId x = body.add_input("x", stored, shape, Rate::step, layout);
  if (front == Front::addition) {
    const ValueId y = body.add_input("y", DType::f32, {shape[0], shape[1], 1, 1}, Rate::step);
    x = body.add(graph::Op::add, {x, y})[0];
  }
  if (front == Front::widening) x = body.add(graph::Op::cast, {x})[0];
  const ValueId gamma = body.add_input("gamma", DType::f32, {shape[1]}, Rate::load);
  const ValueId beta = body.add_input("beta", DType::f32, {shape[1]}, Rate::load);
  const auto results =
      body.add(graph::Op::group_norm_affine, {x, gamma, beta}, {{"groups", groups}});
  body.add_output("factor", results[0]);
  body.add_output("term", results[1]);
  return body;
}

TEST(GroupNormAffine, InBothLayouts) {
  for (const graph::Layout& layout : {graph::Layout{}, kChannelsLast}) {
    check_schedule(kGroupNormAffine, affine({2, 40, 3, 5}, 4, layout), {.bound = 2e-6});
    check_schedule(kGroupNormAffine, affine({1, 24, 9, 16}, 8, layout),
                   {.bound = 2e-6, .vector_bytes = {16, 64}});
  }
}

TEST(GroupNormAffine, OfOneGroupOfAllChannelsAndOfGroupsOfOne) {
  for (const graph::Layout& layout : {graph::Layout{}, kChannelsLast}) {
    check_schedule(kGroupNormAffine, affine({2, 40, 3, 3}, 1, layout), {.bound = 2e-6});
    check_schedule(kGroupNormAffine, affine({2, 40, 3, 3}, 40, layout), {.bound = 2e-6});
  }
}

TEST(GroupNormAffine, OfBlocksOfPlacesInTwoLaunches) {
  const graph::Group group = whole_group(affine({2, 12, 30, 20}, 3, kChannelsLast));
  const std::vector<Tensor> inputs = random_inputs(group.body, Data::normal);
  const std::vector<Tensor> want = graph::evaluate(group.body, inputs);
  for (const int64_t parts : {1, 3}) {
    const kernel::Config config{{{"blocks", 4}, {"parts", parts}}};
    const auto program = kGroupNormAffine.build(group, target_of(64), config);
    ASSERT_EQ(program->main.size(), 2U);
    const std::vector<Tensor> got = run_program(group, *program, inputs);
    for (int o = 0; o < 2; ++o) expect_close(got[o], want[o], 2e-6, "two launches");
  }
}

TEST(GroupNormAffine, ChannelsLastReadsWholeVectorsOfChannels) {
  const auto innermost = [](const graph::Layout& layout) {
    return has_channels_innermost(whole_group(affine({2, 40, 3, 5}, 4, layout)), target_of(64));
  };
  EXPECT_TRUE(innermost(kChannelsLast));
  EXPECT_FALSE(innermost({}));
}

TEST(GroupNormAffine, IsOneLaunchWhereEachCoreGetsLongRunsOfChannels) {
  for (const Shape& shape : {Shape{2, 320, 64, 64}, Shape{2, 2560, 8, 8}, Shape{1, 64, 8, 8}}) {
    const graph::Group group = whole_group(affine(shape, 32, kChannelsLast));
    const kernel::Config config = kGroupNormAffine.space(group, target_of(64)).at(0);
    EXPECT_EQ(kGroupNormAffine.build(group, target_of(64), config)->main.size(), 1U)
        << to_string(shape);
  }
}

TEST(GroupNormAffine, TakesWorkInFrontOfTheGroups) {
  for (const Front front : {Front::addition, Front::widening})
    check_schedule(kGroupNormAffine, affine({2, 40, 3, 5}, 4, kChannelsLast, front),
                   {.bound = 2e-6, .vector_bytes = {64}});
}

// The inputs' own rounding is part of the definition: the expectation is computed from the rounded
// inputs.
TEST(GroupNormAffine, KeepsItsDigitsFarFromZero) {
  for (const graph::Layout& layout : {graph::Layout{}, kChannelsLast}) {
    const graph::Graph body = affine({1, 20, 40, 10}, 4, layout);
    std::vector<Tensor> inputs = random_inputs(body, Data::normal);
    for (float& x : inputs[0].as<float>()) x += 1000;
    check_schedule(kGroupNormAffine, body, inputs,
                   {.bound = 1e-6, .vector_bytes = {16, 64}, .most_configs = 2});
  }
}

TEST(GroupNormAffine, OfAConstantIsItAndTheEpsilon) {
  const graph::Graph body = affine({1, 8, 4, 4}, 2, kChannelsLast);
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (float& x : inputs[0].as<float>()) x = 3;
  check_schedule(kGroupNormAffine, body, inputs, {.bound = 2e-6});
}

}  // namespace
}  // namespace tempera::lower::testing
