#include "lower/schedules/reduce.h"

#include "graph/build.h"
#include "lower/schedules/schedule_test_support.h"
#include "lower/schedules/softmax.h"

namespace tempera::lower::testing {
namespace {

using graph::Op;
using graph::Rate;
using graph::ValueId;

graph::Graph reduction(Op op, DType dtype, const Shape& shape, const graph::Attributes& attributes,
                       const graph::Layout& layout = {}) {
  graph::Graph body;
  const ValueId x = body.add_input("x", dtype, shape, Rate::step, layout);
  body.add_output("y", body.add(op, {x}, attributes)[0]);
  return body;
}

graph::Attributes axes(std::vector<int64_t> list, int64_t keepdims = 1) {
  return {{"axes", std::move(list)}, {"keepdims", keepdims}};
}

class ReduceOver : public ::testing::TestWithParam<std::vector<int64_t>> {};

TEST_P(ReduceOver, IsExactOnSmallIntegers) {
  const Shape shape = {3, 4, 21};
  for (const Op op : {Op::reduce_sum, Op::reduce_max, Op::reduce_min})
    for (const DType dtype : {DType::f32, DType::i64, DType::i32, DType::u8, DType::f16})
      check_schedule(kReduce, reduction(op, dtype, shape, axes(GetParam(), dtype == DType::f32)),
                     {.data = Data::small_integers, .vector_bytes = {16, 64}, .most_configs = 1});
}

TEST_P(ReduceOver, MeanIsWithinRounding) {
  check_schedule(kReduce, reduction(Op::reduce_mean, DType::f32, {3, 4, 21}, axes(GetParam())),
                 {.bound = 1e-6});
}

INSTANTIATE_TEST_SUITE_P(Axes, ReduceOver,
                         ::testing::Values(std::vector<int64_t>{2}, std::vector<int64_t>{0},
                                           std::vector<int64_t>{1}, std::vector<int64_t>{0, 2},
                                           std::vector<int64_t>{0, 1}, std::vector<int64_t>{}));

TEST(Reduce, LongRowsAreSummedInTwoLevels) {
  check_schedule(kReduce, reduction(Op::reduce_sum, DType::f32, {2, 3001}, axes({1})),
                 {.bound = 1e-6, .vector_bytes = {16}, .most_configs = 1});
}

TEST(Reduce, ANanWins) {
  for (const Op op : {Op::reduce_max, Op::reduce_min})
    for (const int64_t axis : {0, 1}) {
      const graph::Graph body = reduction(op, DType::f32, {5, 19}, axes({axis}));
      std::vector<Tensor> inputs = random_inputs(body, Data::normal);
      inputs[0].as<float>()[23] = std::nanf("");
      check_schedule(kReduce, body, inputs, {});
    }
}

TEST(Argmax, TakesTheFirstLargest) {
  for (const int64_t axis : {0, 1, 2})
    for (const DType dtype : {DType::f32, DType::i64, DType::i32})
      check_schedule(
          kReduce,
          reduction(Op::argmax, dtype, {5, 7, 37}, {{"axis", axis}, {"keepdims", int64_t{0}}}),
          {.data = Data::small_integers, .vector_bytes = {16, 64}, .most_configs = 1});
}

TEST(Softmax, AlongAnyAxis) {
  for (const int64_t axis : {0, 1, 2})
    check_schedule(kSoftmax, reduction(Op::softmax, DType::f32, {5, 7, 37}, {{"axis", axis}}),
                   {.bound = 1e-6});
}

TEST(Softmax, FollowsTheLayout) {
  const graph::Layout channels_last{{0, 2, 3, 1}};
  check_schedule(
      kSoftmax,
      reduction(Op::softmax, DType::f32, {2, 19, 3, 5}, {{"axis", int64_t{1}}}, channels_last),
      {.bound = 1e-6});
}

TEST(Softmax, HidesMinusInfinityAndGivesZerosWhereAllIs) {
  const graph::Graph body = reduction(Op::softmax, DType::f32, {3, 20}, {{"axis", int64_t{1}}});
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (int i = 15; i < 40; ++i) inputs[0].as<float>()[i] = -std::numeric_limits<float>::infinity();
  check_schedule(kSoftmax, body, inputs, {.bound = 1e-6});
}

TEST(Softmax, RowsThatDoNotFitScratchAreComputedAgain) {
  const graph::Graph body = reduction(Op::softmax, DType::f32, {2, 300}, {{"axis", int64_t{1}}});
  const graph::Group group = whole_group(body);
  Target target = target_of(64);
  target.workgroup_memory_bytes = 1024;
  const std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  const auto program = kSoftmax.build(group, target, kSoftmax.space(group, target)[0]);
  ASSERT_TRUE(program.ok());
  expect_close(run_program(group, *program, inputs)[0], graph::evaluate(body, inputs)[0], 1e-6,
               "softmax");
}

}  // namespace
}  // namespace tempera::lower::testing
