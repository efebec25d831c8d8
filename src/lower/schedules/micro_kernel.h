#pragma once

#include <algorithm>
#include <functional>

#include "base/target.h"
#include "kernel/stmt.h"

namespace tempera::lower {

// The inner product of matrix-like schedules, on a register tile of pixels (or rows) x vectors of
// columns:
//   sums[m][v] += sum over k of a[m, k] * b[k, v]
//
// `a` lies in scratch with k contiguous; an element (a pair, for bf16) is broadcast to all lanes.
// `b` lies packed as [k / pair][column][pair], so that a vector of columns is one load. Sums are
// f32; but f16 products are summed in f16 over blocks of k, and only the blocks in f32.
//
// Where the target multiplies matrices of bf16, sums may be matrices of `matrix_rows` pixels x one
// vector of columns; rows of `a` and pairs of rows of `b` are then loaded as matrices.
struct MicroKernel {
  DType dtype = DType::f32;   // of a, and of the products: f32, bf16 pairs into f32, or f16
  DType stored = DType::f32;  // of b: dtype, or f16 or bf16 that are widened to f32 on the way
  int lanes = 1;              // f32 elements a vector
  int64_t tile_m = 1, tile_v = 1;
  int64_t matrix_rows = 0;   // divides tile_m; 0: sums are vectors
  int64_t matrix_depth = 0;  // k's of a matrix of a

  int64_t pair() const { return dtype == DType::bf16 ? 2 : 1; }  // k's that lie together in b
  int width() const { return dtype == DType::f16 ? 2 * lanes : lanes; }  // columns a vector
  int64_t tile_n() const { return tile_v * width(); }
  // Registers hold the sums of this many k's at most. With 64 in f16 the relative error of a sum
  // stays near 1e-3, whatever its length.
  bool sums_in_blocks() const { return dtype == DType::f16; }
  int64_t block() const { return 64; }
  // k's that a step takes.
  int64_t depth() const { return matrix_rows > 0 ? matrix_depth : pair(); }
  // Pixels of one sum, and sums over pixels.
  int64_t sum_rows() const { return std::max<int64_t>(matrix_rows, 1); }
  int64_t sums_m() const { return tile_m / sum_rows(); }
  // Registers: the sums, a row of b, and one broadcast; of matrices, a column of a.
  int64_t registers() const {
    return sums_m() * tile_v + tile_v + (matrix_rows > 0 ? sums_m() : 1);
  }

  kernel::Type sum_type() const {
    return {sums_in_blocks() ? DType::f16 : DType::f32, static_cast<int>(sum_rows()) * width()};
  }
  kernel::Buffer make_sums() const;  // sums[m / sum_rows * tile_v + v]
  // body(m, v, index of the sum) for the whole tile; m is the sum's first pixel.
  kernel::Stmt each_sum(
      const std::function<kernel::Stmt(kernel::Expr, kernel::Expr, kernel::Expr)>& body) const;
  kernel::Stmt clear(const kernel::Buffer& sums) const;

  // `depth` consecutive k's: a_first is the place in `a` of the first one of pixel 0, a_stride the
  // distance to the next pixel, b_first the place of the first column in `b`.
  kernel::Stmt step(const kernel::Buffer& sums, const kernel::Buffer& a,
                    const kernel::Expr& a_first, int64_t a_stride, const kernel::Buffer& b,
                    const kernel::Expr& b_first) const;
  // Packs `lanes` columns of `pair` consecutive k's of b to `first`: vector(i) holds the i-th's.
  kernel::Stmt store_b(const kernel::Buffer& b, const kernel::Expr& first,
                       const std::function<kernel::Expr(int64_t)>& vector) const;

  // place(m, v): where that sum waits, as a vector of f32 elements of `waiting`; of a matrix its
  // first row, the others each tile_n() further.
  using Place = std::function<kernel::Expr(kernel::Expr, kernel::Expr)>;
  // `products`, which add to `sums`, between taking up the waiting sums and leaving them there;
  // they begin at 0 where `first` holds, or is undefined. Where sums are kept in blocks, products
  // flush themselves.
  kernel::Stmt accumulate(const kernel::Buffer& sums, const kernel::Buffer& waiting,
                          const Place& place, const kernel::Expr& first,
                          const kernel::Stmt& products) const;
  // Adds a block's sums to the waiting ones.
  kernel::Stmt flush(const kernel::Buffer& sums, const kernel::Buffer& waiting,
                     const Place& place) const;

 private:
  kernel::Stmt each_waiting(
      const Place& place,
      const std::function<kernel::Stmt(kernel::Expr, kernel::Expr)>& body) const;
  kernel::Expr a_operand(const kernel::Buffer& a, const kernel::Expr& first, int64_t stride) const;
  kernel::Expr b_operand(const kernel::Buffer& b, const kernel::Expr& first) const;
  kernel::Expr add_products(const kernel::Expr& sum, const kernel::Expr& a,
                            const kernel::Expr& b) const;
};

// What products of operands of this dtype are computed in: bf16 where the target has dot products
// of it, f16 where it has arithmetic on it, else f32.
DType product_dtype(DType operands, const Target& target);

}  // namespace tempera::lower
