#include "lower/schedules/rank.h"

#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Op;
using graph::Rate;

graph::Graph ranked(DType dtype, const Shape& shape, int64_t axis) {
  graph::Graph body;
  const graph::ValueId x = body.add_input("x", dtype, shape, Rate::step);
  body.add_output("y", body.add(Op::rank, {x}, {{"axis", axis}})[0]);
  return body;
}

TEST(Rank, EqualElementsKeepTheirOrderAlongAnyAxis) {
  for (const int64_t axis : {0, 1, 2})
    for (const DType dtype : {DType::f32, DType::i64, DType::f16, DType::u8})
      check_schedule(kRank, ranked(dtype, {3, 5, 37}, axis), {.data = Data::small_integers});
}

TEST(Rank, IsAPermutationOfRowsLongerThanABlock) {
  check_schedule(kRank, ranked(DType::f32, {2, 1100}, 1),
                 {.vector_bytes = {16, 64}, .most_configs = 2});
}

TEST(Rank, NanCountsAsMinusInfinity) {
  const graph::Graph body = ranked(DType::f32, {2, 19}, 1);
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  inputs[0].as<float>()[3] = std::nanf("");
  inputs[0].as<float>()[5] = -std::numeric_limits<float>::infinity();
  inputs[0].as<float>()[9] = std::nanf("");
  check_schedule(kRank, body, inputs, {});
}

TEST(Rank, AnEpilogueReadsThePlaces) {
  graph::Graph body;
  const graph::ValueId x = body.add_input("x", DType::f32, {2, 21}, Rate::step);
  const graph::ValueId most = body.add_input("most", DType::i32, {2, 1}, Rate::step);
  const graph::ValueId place = body.add(Op::rank, {x}, {})[0];
  body.add_output("y", body.add(Op::less, {place, most})[0]);
  check_schedule(kRank, body, {});
}

}  // namespace
}  // namespace tempera::lower::testing
