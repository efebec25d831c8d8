#include "frontend/models/token_merging.h"

#include "graph/evaluate.h"
#include "graph/verify.h"
#include "test/reference/golden.h"

namespace tempera::frontend {
namespace {

using graph::GraphBuilder;
using graph::Rate;
using graph::ValueId;

// Merges and unmerges `values` by `metric`.
std::vector<Tensor> merged_and_unmerged(const Tensor& metric, const Tensor& values,
                                        const TokenGrid& grid, int64_t merged) {
  GraphBuilder b;
  const ValueId m = b.input("metric", DType::f32, metric.shape, Rate::step);
  const ValueId x = b.input("values", DType::f32, values.shape, Rate::step);
  const TokenMatch match = match_tokens(b, m, grid, merged);
  const ValueId short_rows = merge_tokens(b, match, x);
  b.output("merged", short_rows);
  b.output("unmerged", unmerge_tokens(b, match, short_rows));
  EXPECT_TRUE(graph::verify(b.graph).ok());
  return graph::evaluate(b.graph, {{metric, values}});
}

void expect_golden(const std::string& name, const TokenGrid& grid, double ratio) {
  const test::Tensors data =
      test::load_tensors(test::data_path("pipelines/token_merge.safetensors"));
  const Tensor& metric = data.at(name + ".metric");
  const auto merged = static_cast<int64_t>(static_cast<double>(metric.shape[1]) * ratio);
  const std::vector<Tensor> got =
      merged_and_unmerged(metric, data.at(name + ".values"), grid, merged);
  // The order of the merged rows is the implementation's own.
  EXPECT_EQ(got[0].shape[1], metric.shape[1] - merged);
  test::expect_close("unmerged", got[1], data.at(name + ".unmerged"), 1e-5);
}

TEST(TokenMerging, IsTomesdsWhereSidesAreNoMultiplesOfTheCells) {
  expect_golden("odd", {.height = 9, .width = 13}, 0.4);
}

TEST(TokenMerging, IsTomesdsForABatchOfWhichOnlyDestinationsStay) {
  expect_golden("most", {.height = 8, .width = 8}, 0.75);
}

TEST(TokenMerging, EqualTokensGoTogetherAndOthersStay) {
  // Cells of two tokens; the first of each is a destination. Token 3 equals token 0.
  const Tensor x =
      Tensor::of<float>(DType::f32, {1, 4, 2}, std::vector<float>{1, 0, 3, 4, 0, 1, 1, 0});
  const TokenGrid grid{.height = 1, .width = 4, .cell_height = 1, .cell_width = 2};
  const std::vector<Tensor> got = merged_and_unmerged(x, x, grid, 1);
  const auto merged = got[0].as<float>(), unmerged = got[1].as<float>();
  EXPECT_EQ(std::vector<float>(merged.begin(), merged.end()),
            (std::vector<float>{3, 4, 1, 0, 0, 1}));
  EXPECT_EQ(std::vector<float>(unmerged.begin(), unmerged.end()),
            (std::vector<float>{1, 0, 3, 4, 0, 1, 1, 0}));
}

}  // namespace
}  // namespace tempera::frontend
