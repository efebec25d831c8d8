#include "frontend/adapters/matrix.h"

#include "base/check.h"

namespace tempera::frontend {
namespace {

Matrix zeros(int64_t rows, int64_t cols) {
  return {rows, cols, std::vector<float>(static_cast<size_t>(rows * cols))};
}

// y += factor * x
void add_scaled(float factor, const float* x, int64_t count, float* y) {
  for (int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

// The same four times in order, for x and its next rows: y is read and written once.
void add_four_scaled(const float* factors, const float* x, int64_t count, float* y) {
  const float *x1 = x + count, *x2 = x1 + count, *x3 = x2 + count;
  const float f0 = factors[0], f1 = factors[1], f2 = factors[2], f3 = factors[3];
  for (int64_t i = 0; i < count; ++i)
    y[i] = (((y[i] + f0 * x[i]) + f1 * x1[i]) + f2 * x2[i]) + f3 * x3[i];
}

}  // namespace

Matrix product(const Matrix& a, const Matrix& b) {
  CHECK(a.cols == b.rows, "a product over {} and {}", a.cols, b.rows);
  Matrix result = zeros(a.rows, b.cols);
  for (int64_t i = 0; i < a.rows; ++i) {
    const float* factors = &a.values[i * a.cols];
    float* row = &result.values[i * b.cols];
    int64_t k = 0;
    for (; k + 4 <= a.cols; k += 4)
      add_four_scaled(&factors[k], &b.values[k * b.cols], b.cols, row);
    for (; k < a.cols; ++k) add_scaled(factors[k], &b.values[k * b.cols], b.cols, row);
  }
  return result;
}

Matrix transposed(const Matrix& a) {
  Matrix result = zeros(a.cols, a.rows);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < a.cols; ++j) result.values[j * a.rows + i] = a.values[i * a.cols + j];
  return result;
}

Matrix tucker(const Matrix& core, const Matrix& a, const Matrix& b) {
  const int64_t k = core.cols / b.rows;
  CHECK(core.cols == k * b.rows, "a core of {} columns over {}", core.cols, b.rows);
  const Matrix half = product(a, core);
  Matrix result = zeros(a.rows, b.cols * k);
  for (int64_t m = 0; m < a.rows; ++m)
    for (int64_t n = 0; n < b.cols; ++n)
      for (int64_t q = 0; q < b.rows; ++q)
        add_scaled(b.values[q * b.cols + n], &half.values[m * core.cols + q * k], k,
                   &result.values[(m * b.cols + n) * k]);
  return result;
}

Matrix kronecker(const Matrix& a, const Matrix& b, int64_t k) {
  const int64_t s = b.cols / k;
  Matrix result = zeros(a.rows * b.rows, a.cols * b.cols);
  for (int64_t m = 0; m < a.rows; ++m)
    for (int64_t r = 0; r < b.rows; ++r)
      for (int64_t n = 0; n < a.cols; ++n)
        add_scaled(a.values[m * a.cols + n], &b.values[r * b.cols], s * k,
                   &result.values[((m * b.rows + r) * a.cols + n) * s * k]);
  return result;
}

}  // namespace tempera::frontend
