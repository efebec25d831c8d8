#include "lower/schedules/channel_moments.h"

#include "graph/build.h"
#include "lower/schedules/contraction.h"
#include "lower/schedules/schedule_test_support.h"
#include "lower/schedules/winograd.h"

namespace tempera::lower::testing {
namespace {

using graph::Rate;
using graph::ValueId;

const graph::Layout kChannelsLast{{0, 2, 3, 1}};

// What stands in front of the norm.
enum class Front { nothing, addition, widening };

graph::Graph moments(const Shape& shape, const graph::Layout& layout,
                     Front front = Front::nothing) {
  graph::Graph body;
  const DType stored = front == Front::widening ? DType::bf16 : DType::f32;
  ValueId x = body.add_input("x", stored, shape, Rate::step, layout);
  if (front == Front::addition) {
    const ValueId y = body.add_input("y", DType::f32, {shape[0], shape[1], 1, 1}, Rate::step);
    x = body.add(graph::Op::add, {x, y})[0];
  }
  if (front == Front::widening) x = body.add(graph::Op::cast, {x})[0];
  body.add_output("moments", body.add(graph::Op::channel_moments, {x})[0]);
  return body;
}

TEST(ChannelMoments, InBothLayouts) {
  for (const graph::Layout& layout : {graph::Layout{}, kChannelsLast}) {
    check_schedule(kChannelMoments, moments({2, 40, 3, 5}, layout), {.bound = 2e-6});
    check_schedule(kChannelMoments, moments({1, 24, 9, 16}, layout), {.bound = 2e-6});
  }
}

TEST(ChannelMoments, OfPartsOfThePlacesJoinedByASecondLaunch) {
  const graph::Group group = whole_group(moments({2, 12, 30, 20}, kChannelsLast));
  const std::vector<Tensor> inputs = random_inputs(group.body, Data::normal);
  const kernel::Config config{{{"parts", 4}}};
  const auto program = kChannelMoments.build(group, target_of(64), config);
  ASSERT_EQ(program->main.size(), 2U);
  expect_close(run_program(group, *program, inputs)[0], graph::evaluate(group.body, inputs)[0],
               2e-6, "two launches");
}

TEST(ChannelMoments, TakesWorkInFront) {
  for (const Front front : {Front::addition, Front::widening})
    check_schedule(kChannelMoments, moments({2, 40, 3, 5}, kChannelsLast, front),
                   {.bound = 2e-6, .vector_bytes = {64}});
}

// Of squares relative to themselves: the mean is far larger than what they are about.
TEST(ChannelMoments, KeepTheirDigitsFarFromZero) {
  for (const graph::Layout& layout : {graph::Layout{}, kChannelsLast}) {
    const graph::Group group = whole_group(moments({1, 20, 40, 10}, layout));
    std::vector<Tensor> inputs = random_inputs(group.body, Data::normal);
    for (float& x : inputs[0].as<float>()) x += 1000;
    const auto space = kChannelMoments.space(group, target_of(64));
    const auto program = kChannelMoments.build(group, target_of(64), space.at(0));
    const Tensor got = run_program(group, *program, inputs)[0];
    const Tensor want = graph::evaluate(group.body, inputs)[0];
    for (int64_t c = 40; c < 60; ++c) EXPECT_NEAR(element(got, c) / element(want, c), 1, 1e-5);
  }
}

TEST(ChannelMoments, OfAConstantAreItAndZero) {
  const graph::Graph body = moments({1, 8, 4, 4}, kChannelsLast);
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (float& x : inputs[0].as<float>()) x = 3;
  check_schedule(kChannelMoments, body, inputs, {.bound = 2e-6});
}

// --- Made and read by convolutions.

struct Conv {
  Shape x, w;
  int64_t groups = 3;
  int64_t stride = 1;
  bool transposed = false;
};

// conv(silu(group_norm(x))) + residual, with the moments of that, from the moments of x.
graph::Group normalised(const Conv& c) {
  graph::Graph body;
  const auto op = [&](graph::Op o, std::vector<ValueId> in, const graph::Attributes& a = {}) {
    return body.add(o, std::move(in), a);
  };
  const int64_t channels = c.x[1];
  const ValueId x = body.add_input("x", DType::f32, c.x, Rate::step, kChannelsLast);
  const ValueId gamma = body.add_input("gamma", DType::f32, {channels}, Rate::load);
  const ValueId beta = body.add_input("beta", DType::f32, {channels}, Rate::load);
  const ValueId m = body.add_input("m", DType::f32, {c.x[0], 3 * channels}, Rate::step);
  const ValueId w = body.add_input("w", DType::f32, c.w, Rate::load);
  const auto affine = op(graph::Op::group_norm_affine, {gamma, beta, m}, {{"groups", c.groups}});
  const ValueId scaled = op(graph::Op::mul, {x, affine[0]})[0];
  const ValueId normal = op(graph::Op::silu, op(graph::Op::add, {scaled, affine[1]}))[0];
  const std::vector<int64_t> strides(2, c.stride);
  const int64_t pad = c.w[2] / 2;
  const std::vector<int64_t> pads(4, c.transposed ? 1 : pad);
  const ValueId y = op(c.transposed ? graph::Op::conv_transpose : graph::Op::conv, {normal, w},
                       {{"strides", strides}, {"pads", pads}})[0];
  const ValueId residual =
      body.add_input("residual", DType::f32, body.value(y).shape, Rate::step, kChannelsLast);
  const ValueId sum = op(graph::Op::add, {y, residual})[0];
  body.set_layout(y, kChannelsLast);
  body.set_layout(sum, kChannelsLast);
  const graph::NodeId anchor = body.value(y).producer;
  body.add_output("sum", sum);
  body.add_output("moments", op(graph::Op::channel_moments, {sum})[0]);
  graph::Group group = whole_group(body);
  group.anchor = anchor;
  return group;
}

std::vector<Tensor> inputs_of(const graph::Group& group) {
  std::vector<Tensor> inputs = random_inputs(group.body, Data::normal);
  graph::Graph of_x;
  const ValueId x = of_x.add_input("x", DType::f32, inputs[0].shape, Rate::step);
  of_x.add_output("m", of_x.add(graph::Op::channel_moments, {x})[0]);
  inputs[3] = graph::evaluate(of_x, std::vector<Tensor>{inputs[0]})[0];
  return inputs;
}

// Whole, by a second launch, and in the parts that the program makes, joined here.
void check_conv(const Schedule& schedule, const Conv& c, double bound, size_t configs) {
  graph::Group group = normalised(c);
  const std::vector<Tensor> inputs = inputs_of(group);
  const std::vector<Tensor> want = graph::evaluate(group.body, inputs);
  for (const int64_t bytes : {32, 64}) {
    const Target target = target_of(bytes);
    ASSERT_TRUE(schedule.accepts(group, target));
    const auto space = schedule.space(group, target);
    for (size_t i = 0; i < std::min(space.size(), configs); ++i) {
      SCOPED_TRACE(kernel::to_string(space[i]));
      const auto program = schedule.build(group, target, space[i]);
      ASSERT_TRUE(program.ok()) << program.error().message;
      const auto got = run_program(group, *program, inputs);
      for (int o = 0; o < 2; ++o) expect_close(got[o], want[o], bound, fmt::format("output {}", o));
      const int64_t parts = schedule.moment_parts(group, target, space[i]);
      EXPECT_EQ(program->main.size(), parts == 1 ? 1U : 2U);
      // Every block reads all moments of x: none may be written over them.
      for (const auto& [output, input] : program->in_place) EXPECT_NE(output, 1);
    }
  }
}

TEST(ChannelMoments, OfAConvolutionThatReadsANorm) {
  check_conv(kContraction, {{2, 12, 9, 7}, {20, 12, 3, 3}}, 1e-5, 3);
  check_conv(kContraction, {{2, 24, 6, 5}, {17, 24, 1, 1}}, 1e-5, 3);
  check_conv(kContraction, {{1, 12, 9, 9}, {8, 12, 3, 3}, 3, 2}, 1e-5, 2);
  check_conv(kContraction, {{2, 12, 5, 4}, {12, 9, 4, 4}, 4, 2, true}, 1e-5, 2);
}

TEST(ChannelMoments, OfAWinogradConvolutionThatReadsANorm) {
  check_conv(kWinograd, {{2, 12, 9, 7}, {20, 12, 3, 3}}, 2e-5, 3);
  check_conv(kWinograd, {{1, 40, 18, 18}, {33, 40, 3, 3}, 4}, 2e-5, 2);
}

// The first config for vectors of 64 bytes, in blocks of 4x4 places.
kernel::Config in_small_blocks(const graph::Group& group) {
  kernel::Config config = kContraction.space(group, target_of(64)).at(0);
  for (auto& [name, value] : config.values) {
    if (name == "tile_m" || name == "block_h") value = 4;
    if (name == "block_w") value = 4;
  }
  return config;
}

void check_config(const graph::Group& group, const kernel::Config& config, size_t launches) {
  const auto inputs = inputs_of(group);
  const auto program = kContraction.build(group, target_of(64), config);
  ASSERT_TRUE(program.ok()) << program.error().message;
  EXPECT_EQ(program->main.size(), launches);
  const auto got = run_program(group, *program, inputs);
  const auto want = graph::evaluate(group.body, inputs);
  for (int o = 0; o < 2; ++o) expect_close(got[o], want[o], 1e-5, to_string(config));
}

TEST(ChannelMoments, OfSmallBlocksOfAConvolution) {
  const graph::Group group = normalised({{2, 12, 9, 14}, {20, 12, 3, 3}});
  const kernel::Config config = in_small_blocks(group);
  EXPECT_EQ(kContraction.moment_parts(group, target_of(64), config), 3 * 4);
  check_config(group, config, 2);
}

TEST(ChannelMoments, OfAConvolutionWithItsChannelsInParts) {
  const graph::Group group = normalised({{2, 96, 5, 6}, {20, 96, 3, 3}});
  kernel::Config config = in_small_blocks(group);
  for (auto& [name, value] : config.values)
    if (name == "kc") value = 32;
  config.values.emplace_back("k_parts", 3);
  check_config(group, config, 3);
}

}  // namespace
}  // namespace tempera::lower::testing
