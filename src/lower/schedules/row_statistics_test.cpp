// Layer norms in the prologue of the matmul that reads them.
#include "lower/schedules/row_statistics.h"

#include "graph/build.h"
#include "lower/schedules/contraction.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::GraphBuilder;
using graph::Op;
using graph::Rate;
using graph::ValueId;

struct Rows {
  Shape x;
  int64_t columns = 24;
  DType stored = DType::f32;      // of x
  DType arithmetic = DType::f32;  // of the products
};

// ((x - mean) * rstd * gamma + beta) w
graph::Graph normalised_product(const Rows& rows) {
  graph::Graph body;
  const int64_t channels = rows.x.back();
  ValueId x = body.add_input("x", rows.stored, rows.x, Rate::step);
  const ValueId gamma = body.add_input("gamma", DType::f32, {channels}, Rate::load);
  const ValueId beta = body.add_input("beta", DType::f32, {channels}, Rate::load);
  const ValueId w = body.add_input("w", rows.arithmetic, {channels, rows.columns}, Rate::load);
  const auto op = [&](Op o, ValueId a, ValueId b) { return body.add(o, {a, b})[0]; };
  if (rows.stored != DType::f32) x = body.add(Op::cast, {x})[0];
  const std::vector<int64_t> last = {static_cast<int64_t>(rows.x.size()) - 1};
  const auto moments = body.add(Op::moments, {x}, {{"axes", last}});
  const ValueId normal = op(Op::mul, op(Op::sub, x, moments[0]), moments[1]);
  ValueId a = op(Op::add, op(Op::mul, normal, gamma), beta);
  if (rows.arithmetic != DType::f32) a = body.add(Op::cast, {a}, {{"to", rows.arithmetic}})[0];
  body.add_output("y", body.add(Op::matmul, {a, w}, {{"result", std::string("f32")}})[0]);
  return body;
}

TEST(RowStatistics, NormaliseTheRowsOfAMatmul) {
  check_schedule(kContraction, normalised_product({{2, 9, 40}}), {.bound = 2e-6});
  check_schedule(kContraction, normalised_product({{13, 7}, 5}), {.bound = 2e-6});
  check_schedule(kContraction, normalised_product({{1, 3, 150}, 17}),
                 {.bound = 2e-6, .most_configs = 2});
}

TEST(RowStatistics, AreMadeBeforeTheFirstOfSeveralChunksOfChannels) {
  const graph::Group group = whole_group(normalised_product({{5, 96}}));
  const Target target = target_of(64);
  kernel::Config config = kContraction.space(group, target).at(0);
  for (auto& [name, value] : config.values)
    if (name == "kc") value = 32;
  const auto inputs = random_inputs(group.body, Data::normal);
  const auto got = run_program(group, *kContraction.build(group, target, config), inputs);
  expect_close(got[0], graph::evaluate(group.body, inputs)[0], 2e-6, "three chunks");
}

TEST(RowStatistics, AreF32WhateverTheRowsAreStoredAndMultipliedIn) {
  check_schedule(kContraction, normalised_product({{4, 64}, 16, DType::bf16}),
                 {.bound = 2e-6, .most_configs = 2});
  check_schedule(kContraction, normalised_product({{4, 64}, 16, DType::bf16, DType::bf16}),
                 {.bound = 1e-3, .most_configs = 2});
}

TEST(RowStatistics, KeepTheirDigitsFarFromZero) {
  const graph::Graph body = normalised_product({{6, 80}});
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (float& x : inputs[0].as<float>()) x += 1000;
  check_schedule(kContraction, body, inputs, {.bound = 2e-4, .most_configs = 1});
}

}  // namespace
}  // namespace tempera::lower::testing
