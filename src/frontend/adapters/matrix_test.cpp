#include "frontend/adapters/matrix.h"

#include <gtest/gtest.h>

namespace tempera::frontend {
namespace {

Matrix counted(int64_t rows, int64_t cols) {
  Matrix result{rows, cols, {}};
  for (int64_t i = 0; i < rows * cols; ++i) result.values.push_back(static_cast<float>(i % 7 - 3));
  return result;
}

TEST(Product, SumsOverAnyCount) {
  for (const int64_t k : {1, 4, 7}) {
    const Matrix a = counted(3, k), b = counted(k, 5);
    const Matrix c = product(a, b);
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 5; ++j) {
        float sum = 0;
        for (int64_t p = 0; p < k; ++p) sum += a.values[i * k + p] * b.values[p * 5 + j];
        EXPECT_EQ(c.values[i * 5 + j], sum) << k;
      }
  }
}

}  // namespace
}  // namespace tempera::frontend
