#pragma once

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
struct MicroKernel {
  DType dtype = DType::f32;   // of a, and of the products: f32, bf16 pairs into f32, or f16
  DType stored = DType::f32;  // of b: dtype, or f16 or bf16 that are widened to f32 on the way
  int lanes = 1;              // f32 elements a vector
  int64_t tile_m = 1, tile_v = 1;

  int64_t pair() const { return dtype == DType::bf16 ? 2 : 1; }          // k's a step takes
  int width() const { return dtype == DType::f16 ? 2 * lanes : lanes; }  // columns a vector
  int64_t tile_n() const { return tile_v * width(); }
  // Registers hold the sums of this many k's at most. With 64 in f16 the relative error of a sum
  // stays near 1e-3, whatever its length.
  bool sums_in_blocks() const { return dtype == DType::f16; }
  int64_t block() const { return 64; }
  // Registers: the sums, a row of b, and one broadcast.
  int64_t registers() const { return tile_m * tile_v + tile_v + 1; }

  kernel::Type sum_type() const { return {sums_in_blocks() ? DType::f16 : DType::f32, width()}; }
  kernel::Buffer make_sums() const;  // sums[m * tile_v + v]
  // body(m, v, index of the sum) for the whole tile.
  kernel::Stmt each_sum(
      const std::function<kernel::Stmt(kernel::Expr, kernel::Expr, kernel::Expr)>& body) const;
  kernel::Stmt clear(const kernel::Buffer& sums) const;

  // `pair` consecutive k's: a_first(m) is the place in `a` of the first one of row m, b_first that
  // of the first column in `b`.
  kernel::Stmt step(const kernel::Buffer& sums, const kernel::Buffer& a,
                    const std::function<kernel::Expr(int64_t)>& a_first, const kernel::Buffer& b,
                    const kernel::Expr& b_first) const;
  // Packs `lanes` columns of `pair` consecutive k's of b to `first`: vector(i) holds the i-th's.
  kernel::Stmt store_b(const kernel::Buffer& b, const kernel::Expr& first,
                       const std::function<kernel::Expr(int64_t)>& vector) const;

  // place(m, v): where that sum waits, as a vector of f32 elements of `waiting`.
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
};

// What products of operands of this dtype are computed in: bf16 where the target has dot products
// of it, f16 where it has arithmetic on it, else f32.
DType product_dtype(DType operands, const Target& target);

}  // namespace tempera::lower
