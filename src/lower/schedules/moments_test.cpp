#include "lower/schedules/moments.h"

#include "graph/build.h"
#include "lower/schedules/channel_moments.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;

const graph::Layout kChannelsLast{{0, 2, 3, 1}};

graph::Graph moments(const Shape& shape, const std::vector<int64_t>& axes,
                     const graph::Layout& layout = {}) {
  graph::Graph body;
  const ValueId x = body.add_input("x", DType::f32, shape, Rate::step, layout);
  const auto results = body.add(graph::Op::moments, {x}, {{"axes", axes}});
  body.add_output("mean", results[0]);
  body.add_output("rstd", results[1]);
  return body;
}

graph::Graph group_moments(const Shape& shape, int64_t groups, const graph::Layout& layout,
                           bool residual = false) {
  graph::Graph body;
  ValueId x = body.add_input("x", DType::f32, shape, Rate::step, layout);
  if (residual) {
    const ValueId y = body.add_input("y", DType::f32, {shape[0], shape[1], 1, 1}, Rate::step);
    x = body.add(graph::Op::add, {x, y})[0];
  }
  const std::vector<int64_t> split = {shape[0], groups, shape[1] / groups, shape[2], shape[3]};
  const ValueId grouped = body.add(graph::Op::reshape, {x}, {{"shape", split}})[0];
  const auto results =
      body.add(graph::Op::moments, {grouped}, {{"axes", std::vector<int64_t>{2, 3, 4}}});
  body.add_output("mean", results[0]);
  body.add_output("rstd", results[1]);
  return body;
}

TEST(Moments, OfRows) {
  check_schedule(kMoments, moments({3, 5, 40}, {2}), {.bound = 1e-6});
  check_schedule(kMoments, moments({4, 37}, {1}), {.bound = 1e-6});
  check_schedule(kMoments, moments({2, 1}, {1}), {.bound = 1e-6});
}

TEST(Moments, OfRowsLongerThanOneRunOfTheLowerSums) {
  check_schedule(kMoments, moments({2, 5003}, {1}),
                 {.bound = 1e-6, .vector_bytes = {16}, .most_configs = 1});
}

TEST(Moments, OverAnyAxes) {
  check_schedule(kMoments, moments({3, 4, 5, 6}, {1, 3}), {.bound = 1e-6});
  check_schedule(kMoments, moments({3, 4, 19}, {0, 1}), {.bound = 1e-6});
  check_schedule(kMoments, moments({3, 4, 5}, {0, 1, 2}), {.bound = 1e-6});
}

TEST(Moments, OfGroupsOfChannelsInBothLayouts) {
  for (const graph::Layout& layout : {graph::Layout{}, kChannelsLast}) {
    check_schedule(kMoments, group_moments({2, 40, 3, 5}, 4, layout), {.bound = 1e-6});
    check_schedule(kMoments, group_moments({1, 24, 9, 16}, 8, layout),
                   {.bound = 1e-6, .vector_bytes = {16, 64}});
  }
}

TEST(Moments, OfOneGroupOfAllChannelsAndOfGroupsOfOne) {
  check_schedule(kMoments, group_moments({2, 40, 3, 3}, 1, kChannelsLast), {.bound = 1e-6});
  check_schedule(kMoments, group_moments({2, 40, 3, 3}, 40, kChannelsLast), {.bound = 1e-6});
}

TEST(Moments, ChannelsLastReadsWholeVectorsOfChannels) {
  const Target target = target_of(64);
  const auto groups =
      channel_groups(whole_group(group_moments({2, 40, 3, 5}, 4, kChannelsLast)), target);
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->channels, 40);
  EXPECT_EQ(groups->places, 15);
  EXPECT_FALSE(channel_groups(whole_group(group_moments({2, 40, 3, 5}, 4, {})), target));
}

TEST(Moments, TakesWorkInFrontOfTheGroups) {
  check_schedule(kMoments, group_moments({2, 40, 3, 5}, 4, kChannelsLast, true),
                 {.bound = 1e-6, .vector_bytes = {64}});
}

// The inputs' own rounding is part of the definition: the expectation is computed from the rounded
// inputs.
void check_far_from_zero(const graph::Graph& body) {
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (float& x : inputs[0].as<float>()) x += 1000;
  check_schedule(kMoments, body, inputs,
                 {.bound = 5e-7, .vector_bytes = {16, 64}, .most_configs = 2});
}

TEST(Moments, KeepTheirDigitsFarFromZero) {
  check_far_from_zero(moments({4, 1280}, {1}));
  check_far_from_zero(group_moments({1, 20, 40, 10}, 4, kChannelsLast));
  check_far_from_zero(group_moments({1, 20, 40, 10}, 4, {}));
}

TEST(Moments, OfAConstantAreItAndTheEpsilon) {
  const graph::Graph body = group_moments({1, 8, 4, 4}, 2, kChannelsLast);
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (float& x : inputs[0].as<float>()) x = 3;
  check_schedule(kMoments, body, inputs, {.bound = 1e-6});
}

}  // namespace
}  // namespace tempera::lower::testing
