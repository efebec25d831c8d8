#include "lower/schedules/attention.h"

#include "graph/build.h"
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
};

graph::Graph attention(const Case& c) {
  GraphBuilder b;
  const ValueId q = b.input("q", DType::f32, {c.batch, c.queries, c.heads * c.width}, Rate::step);
  const ValueId k = b.input("k", DType::f32, {c.batch, c.keys, c.heads * c.width}, Rate::step);
  const ValueId v =
      b.input("v", DType::f32, {c.batch, c.keys, c.heads * c.value_width}, Rate::step);
  const ValueId mask =
      c.mask.empty() ? graph::kAbsent : b.input("mask", DType::f32, c.mask, Rate::step);
  b.output("o", b.attention(q, k, v, {.heads = c.heads, .causal = c.causal, .mask = mask}));
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
