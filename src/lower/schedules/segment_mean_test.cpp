#include "lower/schedules/segment_mean.h"

#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::Op;
using graph::Rate;

graph::Graph means(DType dtype, const Shape& shape, int64_t segments, DType ids = DType::i32) {
  graph::Graph body;
  const graph::ValueId x = body.add_input("x", dtype, shape, Rate::step);
  const graph::ValueId id =
      body.add_input("ids", ids, Shape(shape.begin(), shape.end() - 1), Rate::step);
  body.add_output("y", body.add(Op::segment_mean, {x, id}, {{"segments", segments}})[0]);
  return body;
}

// Ids from -1 to `segments`: some rows belong nowhere, most segments have several.
std::vector<Tensor> with_ids(const graph::Graph& body, int64_t segments) {
  std::vector<Tensor> inputs = random_inputs(body, Data::normal);
  std::mt19937 words(7);
  for (int64_t i = 0; i < inputs[1].size(); ++i)
    set_element(inputs[1], i, static_cast<double>(words() % (segments + 2)) - 1);
  return inputs;
}

TEST(SegmentMean, RowsOfAnyWidthIntoAnyNumberOfSegments) {
  for (const int64_t segments : {1, 5, 40, 150})
    for (const Shape& shape : {Shape{2, 50, 20}, Shape{31, 3}, Shape{2, 3, 9, 33}}) {
      const graph::Graph body = means(DType::f32, shape, segments);
      check_schedule(kSegmentMean, body, with_ids(body, segments), {.bound = 1e-6});
    }
}

TEST(SegmentMean, OtherDtypes) {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const graph::Graph body = means(dtype, {2, 30, 20}, 7, DType::i64);
    check_schedule(kSegmentMean, body, with_ids(body, 7), {.bound = 8e-3});
  }
}

TEST(SegmentMean, APrologueIsComputedOnTheWayIn) {
  graph::Graph body;
  const graph::ValueId x = body.add_input("x", DType::f32, {2, 30, 20}, Rate::step);
  const graph::ValueId id = body.add_input("ids", DType::i32, {2, 30}, Rate::step);
  const graph::ValueId scale = body.add_input("scale", DType::f32, {2, 30, 1}, Rate::step);
  const graph::ValueId scaled = body.add(Op::mul, {x, scale})[0];
  body.add_output("y", body.add(Op::segment_mean, {scaled, id}, {{"segments", int64_t{9}}})[0]);
  check_schedule(kSegmentMean, body, with_ids(body, 9), {.bound = 1e-6});
}

}  // namespace
}  // namespace tempera::lower::testing
