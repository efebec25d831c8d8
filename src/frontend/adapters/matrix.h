#pragma once

#include <cstdint>
#include <vector>

namespace tempera::frontend {

// f32 [rows, cols], row-major.
struct Matrix {
  int64_t rows = 0, cols = 0;
  std::vector<float> values;
};

// [m, k] x [k, n]. The sum over k goes upwards in f32.
Matrix product(const Matrix& a, const Matrix& b);

Matrix transposed(const Matrix& a);

// A core [p, q * k] between a [m, p] and b [q, n], as a Tucker decomposition of a convolution's
// kernels has it: the result [m, n * k] is sum over p and q of a[m, p] core[p, q, k] b[q, n].
Matrix tucker(const Matrix& core, const Matrix& a, const Matrix& b);

// The Kronecker product of a [m, n] and b [r, s * k], whose last extent k stays innermost: [m * r,
// n * s * k].
Matrix kronecker(const Matrix& a, const Matrix& b, int64_t k);

}  // namespace tempera::frontend
