#include "lower/schedules/contraction_direct.h"

#include "graph/build.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower::testing {
namespace {

using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;

const CheckOptions kExact{
    .data = Data::small_integers, .vector_bytes = {16, 64}, .most_configs = 2};

graph::Graph conv(const Shape& x, const Shape& weight, const GraphBuilder::ConvOptions& options,
                  const graph::Layout& layout = {}) {
  GraphBuilder b;
  const ValueId input = b.graph.add_input("x", DType::f32, x, Rate::step, layout);
  const ValueId w = b.input("w", DType::f32, weight, Rate::load);
  const ValueId bias = b.input("b", DType::f32, {weight[0]}, Rate::load);
  const ValueId y = b.conv(input, w, bias, options);
  b.graph.set_layout(y, layout);
  b.output("y", y);
  return std::move(b.graph);
}

graph::Graph matmul(const Shape& x, const Shape& y, DType dtype = DType::f32) {
  GraphBuilder b;
  const ValueId left = b.input("x", dtype, x, Rate::step);
  b.output("o", b.matmul(left, b.input("y", dtype, y, Rate::step)));
  return std::move(b.graph);
}

TEST(ContractionDirect, Convolutions) {
  check_schedule(kContractionDirect, conv({2, 3, 7, 9}, {5, 3, 3, 3}, {.pad = 1}), kExact);
  check_schedule(kContractionDirect,
                 conv({1, 4, 9, 8}, {6, 2, 3, 2}, {.stride = 2, .pad = 1, .groups = 2}), kExact);
  check_schedule(kContractionDirect,
                 conv({1, 3, 11, 20}, {2, 3, 3, 3}, {.pads = {2, 0, 1, 3}, .dilation = 2}), kExact);
}

TEST(ContractionDirect, TransposedConvolutions) {
  using List = std::vector<int64_t>;
  struct Case {
    Shape x, w;
    List strides, pads, dilations;
    int64_t groups;
  };
  const std::vector<Case> cases{{{2, 3, 5, 6}, {3, 5, 4, 4}, {2, 2}, {1, 1, 1, 1}, {}, 1},
                                {{1, 4, 3, 5}, {4, 3, 3, 2}, {2, 3}, {0, 1, 2, 0}, {1, 2}, 2},
                                {{1, 3, 20}, {3, 4, 3}, {}, {}, {}, 1}};
  for (const Case& c : cases) {
    GraphBuilder b;
    const ValueId x = b.input("x", DType::f32, c.x, Rate::step);
    const ValueId w = b.input("w", DType::f32, c.w, Rate::load);
    const ValueId bias = b.input("b", DType::f32, {c.w[1] * c.groups}, Rate::load);
    b.output("y", b.op(graph::Op::conv_transpose, {x, w, bias},
                       {{"strides", c.strides},
                        {"pads", c.pads},
                        {"dilations", c.dilations},
                        {"groups", c.groups}}));
    check_schedule(kContractionDirect, b.graph, kExact);
  }
}

TEST(ContractionDirect, OneAndThreeSpatialDimensions) {
  check_schedule(kContractionDirect, conv({2, 3, 20}, {4, 3, 3}, {.pad = 1}), kExact);
  check_schedule(kContractionDirect, conv({1, 2, 4, 5, 6}, {3, 2, 3, 3, 3}, {.pad = 1}), kExact);
}

TEST(ContractionDirect, DepthwiseInChannelsLast) {
  check_schedule(kContractionDirect,
                 conv({2, 20, 5, 6}, {20, 1, 3, 3}, {.pad = 1, .groups = 20}, {{0, 2, 3, 1}}),
                 kExact);
}

TEST(ContractionDirect, MatrixProductsOfAllRanks) {
  check_schedule(kContractionDirect, matmul({3, 7}, {7, 21}), kExact);
  check_schedule(kContractionDirect, matmul({2, 1, 3, 7}, {4, 7, 5}), kExact);
  check_schedule(kContractionDirect, matmul({7}, {2, 7, 5}), kExact);
  check_schedule(kContractionDirect, matmul({2, 3, 7}, {7}), kExact);
  check_schedule(kContractionDirect, matmul({7}, {7}), kExact);
}

TEST(ContractionDirect, IntegersAreExact) {
  check_schedule(kContractionDirect, matmul({3, 7}, {7, 5}, DType::i8), kExact);
  check_schedule(kContractionDirect, matmul({3, 7}, {7, 5}, DType::i64), kExact);
}

// 300 * 300 overflows f16 and 257 is no bf16: sums are f32, and rounded only to the result's dtype.
TEST(ContractionDirect, SumsMixedFloatsInF32AndRoundsOnce) {
  for (const std::string result : {"", "f32", "f16", "bf16"})
    for (const DType a : {DType::f32, DType::bf16, DType::f16})
      for (const DType w : {DType::f16, DType::bf16, DType::f32}) {
        GraphBuilder b;
        const ValueId x = b.input("x", a, {1, 18, 3, 5}, Rate::step);
        const ValueId weight = b.input("w", w, {5, 18, 3, 1}, Rate::load);
        const ValueId bias = b.input("b", DType::f16, {5}, Rate::load);
        b.output("y", b.op(graph::Op::conv, {x, weight, bias}, {{"result", result}}));
        CheckOptions options = kExact;
        options.vector_bytes = {64};
        options.most_configs = 1;
        check_schedule(kContractionDirect, b.graph, options);
      }
}

TEST(ContractionDirect, KeepsAProductOfHalvesBeyondTheirRange) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f16, {2, 2}, Rate::step);
  const ValueId y = b.input("y", DType::f16, {2, 1}, Rate::load);
  b.output("o", b.op(graph::Op::matmul, {x, y}, {{"result", std::string("f32")}}));
  const auto halves = [](const Shape& shape, float value) {
    Tensor tensor(DType::f16, shape);
    for (uint16_t& bits : tensor.as<uint16_t>()) bits = f32_to_f16(value);
    return tensor;
  };
  check_schedule(kContractionDirect, b.graph, {halves({2, 2}, 300), halves({2, 1}, 301)}, kExact);
}

TEST(ContractionDirect, StoresThroughAnEpilogue) {
  GraphBuilder b;
  const ValueId x = b.input("x", DType::f32, {5, 8}, Rate::step);
  const ValueId y = b.matmul(x, b.input("w", DType::f32, {8, 6}, Rate::load));
  const ValueId bias = b.input("bias", DType::f32, {6}, Rate::load);
  b.output("o", b.transpose(b.add(y, bias), {1, 0}));
  check_schedule(kContractionDirect, b.graph, kExact);
}

}  // namespace
}  // namespace tempera::lower::testing
