#include "lower/schedules/moments.h"

#include "graph/build.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;

graph::Graph moments(const Shape& shape, const std::vector<int64_t>& axes,
                     const graph::Layout& layout = {}) {
  graph::Graph body;
  const ValueId x = body.add_input("x", DType::f32, shape, Rate::step, layout);
  const auto results = body.add(graph::Op::moments, {x}, {{"axes", axes}});
  body.add_output("mean", results[0]);
  body.add_output("rstd", results[1]);
  return body;
}

TEST(Moments, OfRows) {
  check_schedule(kMoments, moments({3, 5, 40}, {2}), {.bound = 1e-6});
  check_schedule(kMoments, moments({4, 37}, {1}), {.bound = 1e-6});
  check_schedule(kMoments, moments({2, 1}, {1}), {.bound = 1e-6});
}

TEST(Moments, OfRowsLongerThanOneRunOfTheLowerSums) {
  check_schedule(kMoments, moments({2, 5003}, {1}),
                 {.bound = 1e-6, .vector_bytes = {16}, .most_configs = 1});
}

TEST(Moments, OverAnyAxes) {
  check_schedule(kMoments, moments({3, 4, 5, 6}, {1, 3}), {.bound = 1e-6});
  check_schedule(kMoments, moments({3, 4, 19}, {0, 1}), {.bound = 1e-6});
  check_schedule(kMoments, moments({3, 4, 5}, {0, 1, 2}), {.bound = 1e-6});
}

// The inputs' own rounding is part of the definition: the expectation is computed from the rounded
// inputs.
void check_far_from_zero(const graph::Graph& body) {
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  for (float& x : inputs[0].as<float>()) x += 1000;
  check_schedule(kMoments, body, inputs,
                 {.bound = 5e-7, .vector_bytes = {16, 64}, .most_configs = 2});
}

TEST(Moments, KeepTheirDigitsFarFromZero) { check_far_from_zero(moments({4, 1280}, {1})); }

}  // namespace
}  // namespace tempera::lower::testing
