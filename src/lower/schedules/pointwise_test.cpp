#include "lower/schedules/pointwise.h"

#include "graph/build.h"
#include "lower/schedules/movement.h"
#include "lower/schedules/schedule_test_support.h"
#include "lower/schedules/walk.h"

namespace tempera::lower::testing {
namespace {

using graph::GraphBuilder;
using graph::Op;
using graph::Rate;
using graph::ValueId;

const graph::Layout kChannelsLast{{0, 2, 3, 1}};
const CheckOptions kExact{
    .data = Data::small_integers, .vector_bytes = {16, 64}, .most_configs = 2};

// One op on inputs of the given dtype and shapes.
graph::Graph of(Op op, DType dtype, const std::vector<Shape>& shapes,
                const graph::Attributes& attributes = {}, const graph::Layout& layout = {}) {
  graph::Graph body;
  std::vector<ValueId> inputs;
  for (const Shape& shape : shapes)
    inputs.push_back(
        body.add_input("i" + std::to_string(inputs.size()), dtype, shape, Rate::step,
                       shape.size() == layout.order.size() ? layout : graph::Layout{}));
  const auto outputs = body.add(op, inputs, attributes);
  for (const ValueId o : outputs) body.add_output("o" + std::to_string(o), o);
  return body;
}

TEST(Pointwise, Broadcasts) {
  check_schedule(kPointwise, of(Op::add, DType::f32, {{2, 3, 37}, {3, 1}}), kExact);
  check_schedule(kPointwise, of(Op::mul, DType::f32, {{1, 5, 1}, {4, 1, 6}}), kExact);
  check_schedule(kPointwise, of(Op::sub, DType::f32, {{7}, {}}), kExact);
  check_schedule(kPointwise, of(Op::neg, DType::f32, {{}}), kExact);
}

TEST(Pointwise, DTypes) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::i64, DType::i32, DType::i8, DType::u8})
    for (const Op op : {Op::add, Op::mul, Op::div, Op::mod, Op::maximum, Op::less, Op::equal})
      check_schedule(kPointwise, of(op, dtype, {{3, 23}, {3, 23}}),
                     {.data = Data::small_integers,
                      .bound = is_float(dtype) && op == Op::div ? 1e-2 : 0,
                      .vector_bytes = {32},
                      .most_configs = 1});
  check_schedule(kPointwise, of(Op::logical_and, DType::boolean, {{3, 23}, {23}}), kExact);
  check_schedule(kPointwise, of(Op::cast, DType::f32, {{3, 23}}, {{"to", DType::i64}}), kExact);
}

TEST(Pointwise, FollowsLayouts) {
  graph::Graph body = of(Op::add, DType::f32, {{2, 20, 3, 5}, {20, 1, 1}}, {}, kChannelsLast);
  body.set_layout(body.outputs()[0].value, kChannelsLast);
  check_schedule(kPointwise, body, kExact);
}

TEST(Pointwise, ShortInnerDimensionsAreJoined) {
  const graph::Graph body = of(Op::add, DType::f32, {{6, 5, 3}, {6, 5, 3}});
  EXPECT_GT(choose_walk(whole_group(body), target_of(64)).inner.size(), 1u);
  check_schedule(kPointwise, body, kExact);
  check_schedule(kPointwise, of(Op::add, DType::f32, {{60, 1}, {60, 1}}), kExact);
}

TEST(Pointwise, ReadsThroughViews) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {2, 6, 8}, Rate::step);
  const ValueId y = b.input("y", DType::f32, {2, 48}, Rate::step);
  const ValueId part = b.slice(b.reshape(y, {2, 8, 6}), 1, 7, -9, -1);
  b.output("o", b.add(x, b.transpose(part, {0, 2, 1})));
  check_schedule(kPointwise, b.graph, kExact);
}

TEST(Pointwise, RowsLongerThanABlockAreCut) {
  check_schedule(kPointwise, of(Op::add, DType::f32, {{2, 9001}, {1, 9001}}),
                 {.data = Data::small_integers, .vector_bytes = {64}, .most_configs = 4});
}

TEST(Pointwise, SeveralOutputsOfOneShape) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {3, 21}, Rate::step);
  const ValueId y = b.mul(x, 2.0);
  b.output("y", y);
  b.output("z", b.add(y, x));
  check_schedule(kPointwise, b.graph, kExact);
}

TEST(Pointwise, MayTakeAnInputsPlace) {
  const graph::Group group = whole_group(of(Op::add, DType::f32, {{4, 20}, {20}}));
  const Target target = target_of(64);
  const auto program = kPointwise.build(group, target, kPointwise.space(group, target)[0]);
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(program->in_place, (std::vector<std::pair<int, int>>{{0, 0}}));
}

TEST(Movement, Concat) {
  for (const int64_t axis : {0, 1, 2}) {
    std::vector<Shape> shapes = {{2, 3, 21}, {2, 3, 21}, {2, 3, 21}};
    shapes[1][axis] += 5;
    check_schedule(kMovement, of(Op::concat, DType::f32, shapes, {{"axis", axis}}), kExact);
    check_schedule(kMovement, of(Op::concat, DType::i8, shapes, {{"axis", axis}}), kExact);
  }
}

TEST(Movement, ConcatOfChannelsInnermost) {
  graph::Graph body = of(Op::concat, DType::f32, {{2, 20, 3, 5}, {2, 9, 3, 5}},
                         {{"axis", int64_t{1}}}, kChannelsLast);
  body.set_layout(body.outputs()[0].value, kChannelsLast);
  check_schedule(kMovement, body, kExact);
}

TEST(Movement, ConcatWithWorkBeforeAndAfter) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {2, 5, 7}, Rate::step);
  const ValueId y = b.input("y", DType::f32, {2, 3, 7}, Rate::step);
  b.output("o", b.add(b.concat({b.mul(x, 3.0), y}, 1), b.input("z", DType::f32, {7}, Rate::step)));
  check_schedule(kMovement, b.graph, kExact);
}

TEST(Movement, Split) {
  for (const int64_t axis : {0, 1})
    check_schedule(kMovement,
                   of(Op::split, DType::i32, {{7, 37}},
                      {{"axis", axis}, {"sizes", std::vector<int64_t>{2, axis ? 35 : 5}}}),
                   kExact);
}

TEST(Movement, TransposesAreTiled) {
  const graph::Graph body =
      of(Op::transpose, DType::f32, {{3, 37, 41}}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  EXPECT_EQ(choose_walk(whole_group(body), target_of(64)).tile, 1);
  check_schedule(kMovement, body, kExact);
  graph::Graph to_channels_last = of(Op::neg, DType::f32, {{2, 20, 6, 7}});
  to_channels_last.set_layout(to_channels_last.outputs()[0].value, kChannelsLast);
  check_schedule(kMovement, to_channels_last, kExact);
}

TEST(Movement, PadUpsampleAndGather) {
  check_schedule(kPointwise,
                 of(Op::pad, DType::f32, {{3, 5, 7}},
                    {{"pads", std::vector<int64_t>{1, 0, 2, 0, 3, 1}}, {"value", 2.0}}),
                 kExact);
  check_schedule(
      kPointwise,
      of(Op::upsample_nearest, DType::f32, {{2, 5, 7}}, {{"size", std::vector<int64_t>{10, 21}}}),
      kExact);
  check_schedule(
      kPointwise,
      of(Op::upsample_nearest, DType::f32, {{2, 5, 7}}, {{"size", std::vector<int64_t>{8, 5}}}),
      kExact);
  GraphBuilder b;
  const ValueId table = b.input("table", DType::f32, {9, 20}, Rate::load);
  const ValueId rows = b.input("rows", DType::i64, {2, 3}, Rate::step);
  b.output("o", b.gather(table, rows, 0));
  std::vector<Tensor> inputs = random_inputs(b.graph, Data::small_integers);
  check_schedule(kPointwise, b.graph, inputs, kExact);
}

}  // namespace
}  // namespace tempera::lower::testing
