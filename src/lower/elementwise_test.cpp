#include "lower/elementwise.h"

#include "lower/schedules/pointwise.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Op;
using graph::Rate;

bool is_logic(Op op) {
  return op == Op::logical_and || op == Op::logical_or || op == Op::logical_not;
}

graph::Graph of(const graph::OpRow& row, DType dtype) {
  graph::Graph body;
  std::vector<graph::ValueId> inputs;
  for (int i = 0; i < row.min_inputs; ++i) {
    const DType own = row.op == Op::where && i == 0 ? DType::boolean : dtype;
    inputs.push_back(body.add_input("i" + std::to_string(i), own, {3, 37}, Rate::step));
  }
  body.add_output("o0", body.add(row.op, inputs)[0]);
  return body;
}

// A new element-wise op without a case in lower/elementwise.cpp fails here.
TEST(Elementwise, EveryOpOfTheTableComputesItsDefinition) {
  size_t ops = 0;
  for (const graph::OpRow& row : graph::op_table()) {
    if (row.op_class != graph::OpClass::elementwise) continue;
    SCOPED_TRACE(row.name);
    const graph::Graph body = of(row, is_logic(row.op) ? DType::boolean : DType::f32);
    // f32 arithmetic against f64 rounded once.
    check_schedule(kPointwise, body, random_inputs(body, Data::normal),
                   {.bound = 2e-6, .vector_bytes = {16, 64}, .most_configs = 1});
    ++ops;
  }
  EXPECT_GT(ops, 30u);
}

TEST(Elementwise, ArithmeticOfIntegersIsExact) {
  for (const Op op : {Op::add, Op::sub, Op::mul, Op::div, Op::mod, Op::pow, Op::minimum,
                      Op::maximum, Op::neg, Op::abs, Op::sign, Op::relu}) {
    SCOPED_TRACE(graph::name(op));
    const graph::Graph body = of(graph::row(op), DType::i32);
    check_schedule(kPointwise, body, random_inputs(body, Data::small_integers),
                   {.bound = 0, .vector_bytes = {32}, .most_configs = 1});
  }
}

}  // namespace
}  // namespace tempera::lower::testing
