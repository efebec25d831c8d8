// Gated units: products whose epilogue slices the columns into halves and joins them again.
#include "graph/build.h"
#include "lower/schedules/contraction.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Op;
using graph::Rate;
using graph::ValueId;

struct Gated {
  int64_t rows = 9, channels = 24, half = 32;
  bool transposed = false;        // the weight lies as [columns, channels]
  DType arithmetic = DType::f32;  // of the products
};

// y = x w + bias; first half of y * relu(second half of y)
graph::Graph gated(const Gated& c) {
  graph::Graph body;
  const auto op = [&](Op o, const std::vector<ValueId>& inputs,
                      const graph::Attributes& attributes = {}) {
    return body.add(o, inputs, attributes)[0];
  };
  const ValueId x = body.add_input("x", c.arithmetic, {2, c.rows, c.channels}, Rate::step);
  const int64_t columns = 2 * c.half;
  ValueId w = c.transposed ? body.add_input("w", c.arithmetic, {columns, c.channels}, Rate::load)
                           : body.add_input("w", c.arithmetic, {c.channels, columns}, Rate::load);
  if (c.transposed) w = op(Op::transpose, {w}, {{"perm", std::vector<int64_t>{1, 0}}});
  const ValueId bias = body.add_input("bias", DType::f32, {columns}, Rate::load);
  const ValueId y = op(Op::add, {op(Op::matmul, {x, w}, {{"result", std::string("f32")}}), bias});
  const auto slice = [&](int64_t start) {
    return op(Op::slice, {y},
              {{"starts", std::vector<int64_t>{start}},
               {"ends", std::vector<int64_t>{start + c.half}},
               {"axes", std::vector<int64_t>{2}}});
  };
  const ValueId value = slice(0);
  body.add_output("u", op(Op::mul, {value, op(Op::relu, {slice(c.half)})}));
  return body;
}

TEST(ContractionHalves, AreExactOnSmallIntegers) {
  for (const bool transposed : {false, true}) {
    check_schedule(kContraction, gated({.transposed = transposed}), {.data = Data::small_integers});
    check_schedule(kContraction, gated({.rows = 3, .half = 21, .transposed = transposed}),
                   {.data = Data::small_integers});
    check_schedule(kContraction, gated({.channels = 7, .half = 3, .transposed = transposed}),
                   {.data = Data::small_integers});
  }
}

TEST(ContractionHalves, MultiplyPairsOfBrainFloats) {
  check_schedule(kContraction, gated({.half = 40, .arithmetic = DType::bf16}),
                 {.data = Data::small_integers});
}

TEST(ContractionHalves, WriteOneHalfOfTheColumns) {
  const graph::Group group = whole_group(gated({}));
  const Target target = target_of(64);
  const auto program = kContraction.build(group, target, kContraction.space(group, target).at(0));
  ASSERT_EQ(program->main.size(), 1U);
  for (size_t i = 0; i < program->main[0].operands.size(); ++i) {
    const kernel::Buffer& buffer = program->main[0].kernel.parameters[i];
    if (buffer->written) {
      EXPECT_EQ(buffer->size, 2 * 9 * 32);
    }
  }
}

}  // namespace
}  // namespace tempera::lower::testing
