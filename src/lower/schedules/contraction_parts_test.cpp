// Contractions whose channels are in parts, each summed by blocks of its own.
#include "graph/build.h"
#include "kernel/print.h"
#include "lower/schedules/contraction.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Attributes;
using graph::GraphBuilder;
using graph::Layout;
using graph::Op;
using graph::Rate;
using graph::ValueId;
using kernel::Config;

const Attributes kToF32 = {{"result", std::string("f32")}};
const Layout kChannelsLast = {{0, 2, 3, 1}};

int64_t k_parts(const Config& config) {
  for (const auto& [name, value] : config.values)
    if (name == "k_parts") return value;
  return 1;
}

Config in_parts(Config config, int64_t kc, int64_t parts) {
  std::erase_if(config.values, [](const auto& value) { return value.first == "k_parts"; });
  for (auto& [name, value] : config.values)
    if (name == "kc") value = kc;
  config.values.emplace_back("k_parts", parts);
  return config;
}

struct Division {
  int64_t kc, parts;
};

// The first configs of each target's space, with their channels divided otherwise.
void check(const graph::Group& group, Data data, double bound,
           const std::vector<Division>& divisions) {
  const auto inputs = random_inputs(group.body, data);
  const std::vector<Tensor> want = graph::evaluate(group.body, inputs);
  for (const Target& target : targets_for(kContraction, group, {})) {
    const std::vector<Config> space = kContraction.space(group, target);
    for (size_t i = 0; i < std::min<size_t>(space.size(), 2); ++i)
      for (const Division& division : divisions) {
        const Config config = in_parts(space[i], division.kc, division.parts);
        SCOPED_TRACE(fmt::format("{}, {}-byte vectors", to_string(config), target.vector_bytes));
        const auto program = kContraction.build(group, target, config);
        ASSERT_TRUE(program.ok()) << program.error().message;
        const std::vector<Tensor> got = run_program(group, *program, inputs);
        for (size_t o = 0; o < want.size(); ++o)
          expect_close(got[o], want[o], bound, fmt::format("output {}", o));
        if (::testing::Test::HasFailure()) return;
      }
  }
}

// act(conv(x) + bias + residual)
graph::Group conv(const Shape& x, const Shape& w, const GraphBuilder::ConvOptions& options,
                  Op act) {
  GraphBuilder b;
  const ValueId in = b.graph.add_input("x", DType::f32, x, Rate::step, kChannelsLast);
  const ValueId y =
      b.conv(in, b.weight("w", DType::f16, w), b.weight("bias", DType::f32, {w[0]}), options);
  const ValueId residual =
      b.graph.add_input("residual", DType::f32, b.shape(y), Rate::step, kChannelsLast);
  const ValueId sum = b.add(y, residual);
  const ValueId result = b.op(act, {sum});
  for (const ValueId value : {y, sum, result}) b.graph.set_layout(value, kChannelsLast);
  b.output("y", result);
  return whole_group(b.graph);
}

TEST(ContractionParts, AreExactOnSmallIntegers) {
  check(conv({2, 150, 3, 5}, {20, 150, 3, 3}, {.pad = 1}, Op::relu), Data::small_integers, 0,
        {{32, 2}, {32, 3}, {32, 5}, {64, 3}});
  check(conv({1, 96, 5, 6}, {33, 96, 3, 3}, {.stride = 2, .pads = {0, 0, 1, 1}}, Op::relu),
        Data::small_integers, 0, {{32, 3}});
  check(conv({1, 100, 4, 5}, {19, 100, 1, 1}, {}, Op::relu), Data::small_integers, 0, {{32, 2}});
}

TEST(ContractionParts, RunTheEpilogueOnce) {
  check(conv({2, 70, 4, 3}, {24, 70, 3, 3}, {.pad = 1}, Op::silu), Data::normal, 2e-6,
        {{32, 2}, {32, 3}});
}

TEST(ContractionParts, MultiplyInAnyPrecision) {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    GraphBuilder b;
    const ValueId x = b.input("x", dtype, {2, 9, 190}, Rate::step);
    const ValueId w = b.graph.add_input("w", dtype, {40, 190}, Rate::load);
    const ValueId y = b.op(Op::matmul, {x, b.transpose(w, {1, 0})}, kToF32);
    b.output("y", b.cast(b.add(y, b.weight("bias", DType::f32, {40})), dtype));
    check(whole_group(b.graph), Data::small_integers, 0, {{32, 2}, {64, 3}});
  }
}

TEST(ContractionParts, WidenTheirOwnQuantizedWeights) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {1, 9, 320}, Rate::step);
  const ValueId scale = b.weight("scale", DType::f32, {40, 5, 1});
  const ValueId wide = b.reshape(b.broadcast_to(scale, {40, 5, 64}), {40, 320});
  const ValueId q = b.graph.add_input("q", DType::i8, {40, 320}, Rate::load);
  b.output("y", b.matmul(x, b.transpose(b.mul(b.cast(q, DType::f32), wide), {1, 0})));
  check(whole_group(b.graph), Data::small_integers, 0, {{64, 2}, {64, 5}, {128, 3}});
}

TEST(ContractionParts, MultiplyWithAnOperandThatIsNoWeight) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {3, 5, 70}, Rate::step);
  b.output("y", b.matmul(x, b.input("w", DType::f32, {3, 70, 9}, Rate::step)));
  check(whole_group(b.graph), Data::small_integers, 0, {{32, 2}, {32, 3}});
}

// Rows are normalised on the way in, by statistics of all channels.
TEST(ContractionParts, NormaliseWholeRows) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {2, 5, 100}, Rate::step);
  const auto moments = b.graph.add(Op::moments, {x}, {{"axes", std::vector<int64_t>{2}}});
  const ValueId normal = b.mul(b.op(Op::sub, {x, moments[0]}), moments[1]);
  b.output("y", b.op(Op::matmul, {normal, b.weight("w", DType::f32, {100, 24})}, kToF32));
  graph::Group group = whole_group(b.graph);
  check(group, Data::normal, 4e-6, {{32, 2}, {32, 4}});
}

TEST(ContractionParts, GiveBothHalvesOfTheColumnsToAGate) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {2, 5, 100}, Rate::step);
  const ValueId y = b.op(Op::matmul, {x, b.weight("w", DType::f32, {100, 42})}, kToF32);
  const auto half = [&](int64_t start) {
    return b.op(Op::slice, {y},
                {{"starts", std::vector<int64_t>{start}},
                 {"ends", std::vector<int64_t>{start + 21}},
                 {"axes", std::vector<int64_t>{2}}});
  };
  const ValueId value = half(0);
  b.output("u", b.mul(value, b.op(Op::relu, {half(21)})));
  check(whole_group(b.graph), Data::small_integers, 0, {{32, 2}, {32, 4}});
}

TEST(ContractionParts, PackWeightsAsWholeSumsDo) {
  const graph::Group group = conv({1, 96, 4, 4}, {32, 96, 3, 3}, {.pad = 1}, Op::relu);
  const Target target = target_of(64);
  const Config first = kContraction.space(group, target).at(0);
  const auto whole = kContraction.build(group, target, in_parts(first, 32, 1));
  const auto divided = kContraction.build(group, target, in_parts(first, 32, 3));
  ASSERT_TRUE(whole.ok() && divided.ok());
  EXPECT_EQ(whole->main.size(), 1U);
  EXPECT_EQ(divided->main.size(), 2U);
  const auto text = [](const Launch& launch) {
    return kernel::to_string(*kernel::run_passes(launch.kernel));
  };
  EXPECT_EQ(text(whole->setup.at(0)), text(divided->setup.at(0)));
}

TEST(ContractionParts, AreRefusedWhereTheyAreMoreThanTheChunks) {
  const graph::Group group = conv({1, 96, 4, 4}, {32, 96, 3, 3}, {.pad = 1}, Op::relu);
  const Target target = target_of(64);
  const Config config = in_parts(kContraction.space(group, target).at(0), 32, 4);
  const auto program = kContraction.build(group, target, config);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().message, "contraction: 3 chunks of 32 channels are not 4 parts");
}

// --- Which are chosen.

Target target_of_cores(int64_t cores) {
  Target target = target_of(64);
  target.l2_bytes = 1 << 20;
  target.cores = cores;
  return target;
}

// A convolution at the end of a UNet's way down, as SD 1.5 has it for 512x512.
graph::Group middle(int64_t images) {
  return conv({images, 1280, 8, 8}, {1280, 1280, 3, 3}, {.pad = 1}, Op::silu);
}

graph::Group product(const Shape& rows, int64_t columns) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, rows, Rate::step);
  b.output("y", b.linear(x, b.weight("w", DType::f16, {columns, rows.back()})));
  return whole_group(b.graph);
}

TEST(ContractionParts, AreChosenWhereBlocksAreFewForTheCores) {
  for (const graph::Group& group : {middle(2), product({2, 64, 11520}, 1280)}) {
    const std::vector<Config> space = kContraction.space(group, target_of_cores(32));
    EXPECT_GT(k_parts(space.at(0)), 1) << to_string(space.at(0));
  }
}

TEST(ContractionParts, AreNotChosenForOneCoreNorWhereBlocksAreMany) {
  for (const graph::Group& group : {middle(2), product({2, 64, 11520}, 1280)})
    for (const Config& config : kContraction.space(group, target_of_cores(1)))
      EXPECT_EQ(k_parts(config), 1) << to_string(config);
  const graph::Group many = conv({2, 320, 64, 64}, {320, 320, 3, 3}, {.pad = 1}, Op::silu);
  EXPECT_EQ(k_parts(kContraction.space(many, target_of_cores(32)).at(0)), 1);
  EXPECT_EQ(k_parts(kContraction.space(middle(2), target_of_cores(2)).at(0)), 1);
}

TEST(ContractionParts, AreTheSameForABatchOfAnySize) {
  const auto division = [](const graph::Group& group, int64_t channels) {
    const Config config = kContraction.space(group, target_of_cores(32)).at(0);
    const int64_t kc = config.at("kc"), chunks = (channels + kc - 1) / kc;
    const int64_t parts = k_parts(config);
    return std::pair(parts, parts > 1 ? (chunks + parts - 1) / parts * kc : 0);
  };
  for (const int64_t channels : {1280, 5120}) {
    const auto alone = division(product({1, 64, channels}, 1280), channels);
    for (const int64_t batch : {2, 8, 64})
      EXPECT_EQ(division(product({batch, 64, channels}, 1280), channels), alone) << batch;
  }
  for (const int64_t batch : {2, 8})
    EXPECT_EQ(division(middle(batch), 1280), division(middle(1), 1280)) << batch;
}

}  // namespace
}  // namespace tempera::lower::testing
