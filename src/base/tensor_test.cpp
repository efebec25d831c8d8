#include "base/tensor.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

TEST(Tensor, StartsAsZerosAndCopiesItsValues) {
  Tensor tensor(DType::f32, {2, 3});
  EXPECT_EQ(tensor, Tensor::of<float>(DType::f32, {2, 3}, {0, 0, 0, 0, 0, 0}));
  const Tensor copy = tensor;
  tensor.as<float>()[5] = 1.5f;
  EXPECT_EQ(copy.as<float>()[5], 0.0f);
  EXPECT_NE(copy, tensor);
}

TEST(Tensor, AScalarHasOneElement) {
  EXPECT_EQ(Tensor(DType::i64, {}).data.size(), 8u);
  EXPECT_EQ(Tensor(DType::boolean, {0, 4}).size(), 0);
}

TEST(Tensor, WrongElementSizesAndCountsAreInternalErrors) {
  Tensor tensor(DType::f16, {2});
  EXPECT_THROW((void)tensor.as<float>(), InternalError);
  EXPECT_THROW((void)Tensor::of<float>(DType::f32, {3}, {1, 2}), InternalError);
}

}  // namespace
}  // namespace tempera
