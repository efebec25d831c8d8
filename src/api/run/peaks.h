#pragma once

#include <algorithm>

#include "base/dtype.h"

namespace tempera::api {

// What this machine reaches at most on some number of threads together; 0 where its instruction set
// has no such thing.
struct Peaks {
  int threads = 1;
  double f32_fma = 0;      // GFLOP/s of multiply-adds in registers, 2 operations each
  double bf16_dot = 0;     // of dot products of bf16 pairs into f32, 4 operations a lane
  double bf16_matrix = 0;  // of products of bf16 matrices into f32
  double f16_fma = 0;
  double i8_dot = 0;  // of dot products of u8 x i8 quads into i32, 8 operations a lane
  double bytes = 0;   // GB/s read from memory

  double bf16() const { return std::max(bf16_dot, bf16_matrix); }
  // GFLOP/s of products in a dtype; f32's where the machine has no arithmetic of its own for it.
  double gflops(DType dtype) const {
    if (dtype == DType::bf16 && bf16() > 0) return bf16();
    if (dtype == DType::f16 && f16_fma > 0) return f16_fma;
    return f32_fma;
  }
};

}  // namespace tempera::api
