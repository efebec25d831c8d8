#include "base/shape.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

TEST(Shape, AScalarHasOneElementAndNoStrides) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(to_string({}), "[]");
  EXPECT_TRUE(row_major_strides({}).empty());
}

TEST(Shape, StridesAreRowMajor) {
  EXPECT_EQ(element_count({2, 4, 3}), 24);
  EXPECT_EQ(row_major_strides({2, 4, 3}), (std::vector<int64_t>{12, 3, 1}));
  EXPECT_EQ(to_string({2, 4, 64, 64}), "[2, 4, 64, 64]");
}

TEST(Shape, AnEmptyExtentMakesTheTensorEmpty) { EXPECT_EQ(element_count({4, 0, 3}), 0); }

}  // namespace
}  // namespace tempera
