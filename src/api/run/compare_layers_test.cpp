#include "api/run/compare_layers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tempera::api {
namespace {

Tensor values(const std::vector<float>& numbers) {
  return Tensor::of<float>(DType::f32, {static_cast<int64_t>(numbers.size())}, numbers);
}

TEST(RelativeRmsError, IsTheDifferencesOverTheReferences) {
  EXPECT_DOUBLE_EQ(relative_rms_error(values({3, 5}), values({3, 4})), std::sqrt(1.0 / 25));
  EXPECT_EQ(relative_rms_error(values({1, 2}), values({1, 2})), 0);
}

TEST(RelativeRmsError, OfZerosAndOfWhatIsNoNumber) {
  EXPECT_EQ(relative_rms_error(values({0, 0}), values({0, 0})), 0);
  EXPECT_TRUE(std::isinf(relative_rms_error(values({0, 1}), values({0, 0}))));
  EXPECT_TRUE(std::isnan(relative_rms_error(values({NAN, 1}), values({1, 1}))));
}

}  // namespace
}  // namespace tempera::api
