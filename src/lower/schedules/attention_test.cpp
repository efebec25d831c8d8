#include "lower/schedules/attention.h"

#include "graph/build.h"
#include "kernel/mutate.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;

struct Case {
  int64_t batch, queries, keys, heads, width, value_width;
  bool causal = false;
  Shape mask = {};
  DType dtype = DType::f32;
  double scale = 0;
};

graph::Graph attention(const Case& c) {
  GraphBuilder b;
  const ValueId q = b.input("q", c.dtype, {c.batch, c.queries, c.heads * c.width}, Rate::step);
  const ValueId k = b.input("k", c.dtype, {c.batch, c.keys, c.heads * c.width}, Rate::step);
  const ValueId v = b.input("v", c.dtype, {c.batch, c.keys, c.heads * c.value_width}, Rate::step);
  const ValueId mask =
      c.mask.empty() ? graph::kAbsent : b.input("mask", c.dtype, c.mask, Rate::step);
  b.output(
      "o",
      b.attention(q, k, v, {.heads = c.heads, .scale = c.scale, .causal = c.causal, .mask = mask}));
  return std::move(b.graph);
}

TEST(Attention, MatchesTheDefinitionOnAllTargets) {
  check_schedule(kAttention, attention({1, 20, 21, 2, 8, 8}), {.bound = 1e-5});
}

TEST(Attention, ManyBlocksOfKeysAndQueriesWithRests) {
  check_schedule(kAttention, attention({1, 70, 135, 1, 5, 7}),
                 {.bound = 1e-5, .vector_bytes = {16, 64}});
}

TEST(Attention, HeadWidths) {
  check_schedule(kAttention, attention({2, 9, 11, 3, 40, 40}),
                 {.bound = 1e-5, .vector_bytes = {64}, .most_configs = 2});
  check_schedule(kAttention, attention({1, 9, 11, 1, 160, 33}),
                 {.bound = 1e-5, .vector_bytes = {32}, .most_configs = 1});
  check_schedule(kAttention, attention({1, 3, 2, 1, 1, 1}), {.bound = 1e-5});
}

TEST(Attention, CausalSeesOnlyEarlierKeys) {
  check_schedule(kAttention, attention({1, 77, 77, 1, 4, 4, true}),
                 {.bound = 1e-5, .vector_bytes = {16}});
  check_schedule(kAttention, attention({1, 10, 140, 1, 4, 4, true}),
                 {.bound = 1e-5, .vector_bytes = {64}});
}

TEST(Attention, CausalWithMoreQueriesThanKeysGivesZeroToThoseThatSeeNone) {
  check_schedule(kAttention, attention({1, 40, 30, 1, 4, 4, true}),
                 {.bound = 1e-5, .vector_bytes = {16}});
}

TEST(Attention, AddsMasksThatBroadcast) {
  check_schedule(kAttention, attention({2, 18, 19, 2, 4, 4, false, {2, 1, 18, 19}}),
                 {.bound = 1e-5, .vector_bytes = {16}});
  check_schedule(kAttention, attention({2, 18, 19, 2, 4, 4, false, {1, 19}}),
                 {.bound = 1e-5, .vector_bytes = {64}});
}

TEST(Attention, ScalesMayBeNegative) {
  check_schedule(kAttention,
                 attention({.batch = 1,
                            .queries = 9,
                            .keys = 20,
                            .heads = 1,
                            .width = 4,
                            .value_width = 4,
                            .scale = -0.7}),
                 {.bound = 1e-5, .vector_bytes = {16}});
}

// Scores of bf16 are exact to f32; what is rounded are the weights, 2^-9 each, and the result.
constexpr double kBf16 = 1.0 / 128;

// Targets of 64-byte vectors have dot products of bf16.
TEST(Attention, PairsOfBf16) {
  const auto pairs = [](Case c) {
    c.dtype = DType::bf16;
    return attention(c);
  };
  check_schedule(kAttention, pairs({1, 20, 21, 2, 8, 8}), {.bound = kBf16});
  check_schedule(kAttention, pairs({1, 70, 135, 1, 5, 7}), {.bound = kBf16, .vector_bytes = {64}});
  check_schedule(kAttention, pairs({2, 9, 11, 3, 40, 40}),
                 {.bound = kBf16, .vector_bytes = {64}, .most_configs = 2});
  check_schedule(kAttention, pairs({1, 3, 2, 1, 1, 1}), {.bound = kBf16});
  check_schedule(kAttention, pairs({1, 10, 141, 1, 4, 4, true}),
                 {.bound = kBf16, .vector_bytes = {64}});
  check_schedule(kAttention, pairs({1, 40, 30, 1, 6, 4, true}),
                 {.bound = kBf16, .vector_bytes = {64}});
  check_schedule(kAttention, pairs({2, 18, 19, 2, 4, 4, false, {2, 1, 18, 19}}),
                 {.bound = kBf16, .vector_bytes = {64}});
  check_schedule(kAttention,
                 pairs({.batch = 1,
                        .queries = 9,
                        .keys = 20,
                        .heads = 1,
                        .width = 4,
                        .value_width = 4,
                        .scale = -1.7}),
                 {.bound = kBf16, .vector_bytes = {64}});
}

TEST(Attention, WidensHalvesWithoutDotProducts) {
  for (const DType dtype : {DType::f16, DType::bf16})
    for (const bool causal : {false, true})
      check_schedule(kAttention, attention({1, 20, 39, 2, 5, 6, causal, {}, dtype}),
                     {.bound = dtype == DType::f16 ? 1e-3 : kBf16, .vector_bytes = {16, 32}});
}

// One product for q, k and v: its slices are read where they lie.
graph::Graph merged(DType dtype, int64_t heads, int64_t width) {
  GraphBuilder b;
  const int64_t c = heads * width;
  const ValueId x = b.input("x", dtype, {2, 19, 3 * c}, Rate::step);
  const ValueId q = b.slice(x, 2, 0, c), k = b.slice(x, 2, c, 2 * c),
                v = b.slice(x, 2, 2 * c, 3 * c);
  b.output("o", b.attention(q, k, v, {.heads = heads}));
  return std::move(b.graph);
}

bool has_buffer(const kernel::Kernel& kernel, std::string_view name) {
  bool found = false;
  kernel::for_each_stmt(kernel.body, [&](const kernel::Stmt& s) {
    found |= s->kind == kernel::StmtKind::allocate && s->buffer->name == name;
  });
  return found;
}

TEST(Attention, SlicesOfOneTensorAreReadInPlace) {
  check_schedule(kAttention, merged(DType::f32, 2, 6), {.bound = 1e-5, .vector_bytes = {16}});
  check_schedule(kAttention, merged(DType::bf16, 2, 6), {.bound = kBf16, .vector_bytes = {32, 64}});
  const Target target = target_of(64);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const graph::Group group = whole_group(merged(dtype, 2, 40));
    const auto program = kAttention.build(group, target, kAttention.space(group, target)[0]);
    ASSERT_TRUE(program.ok());
    EXPECT_FALSE(has_buffer(program->main[0].kernel, "keys"));
    EXPECT_EQ(has_buffer(program->main[0].kernel, "values"), dtype == DType::bf16);
  }
}

TEST(Attention, MinusInfinityInTheMaskHidesAKey) {
  const graph::Graph body = attention({1, 18, 70, 1, 4, 4, false, {18, 70}});
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (int64_t i = 0; i < inputs[3].size(); i += 2)
    inputs[3].as<float>()[i] = -std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < 70; ++i)
    inputs[3].as<float>()[i] = -std::numeric_limits<float>::infinity();
  check_schedule(kAttention, body, inputs, {.bound = 1e-5, .vector_bytes = {64}});
}

TEST(Attention, LargeScoresDoNotOverflow) {
  const graph::Graph body = attention({1, 18, 70, 1, 4, 4});
  std::vector<Tensor> inputs = random_inputs(body, Data::small_integers);
  for (float& x : inputs[0].as<float>()) x *= 100;
  check_schedule(kAttention, body, inputs, {.bound = 1e-3, .vector_bytes = {64}});
}

TEST(Attention, RefusesABlockThatExceedsScratch) {
  const graph::Group group = whole_group(attention({1, 64, 64, 1, 64, 64}));
  Target target = target_of(64);
  target.workgroup_memory_bytes = 1 << 10;
  const auto program = kAttention.build(group, target, kAttention.space(group, target)[0]);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace tempera::lower::testing
