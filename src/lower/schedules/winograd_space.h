#pragma once

#include <optional>
#include <vector>

#include "base/target.h"
#include "kernel/kernel.h"
#include "lower/schedules/contraction_geometry.h"
#include "lower/schedules/micro_kernel.h"
#include "lower/schedules/winograd_transform.h"

namespace tempera::lower {

// A 3x3 convolution of stride 1 as Winograd sees it: the geometry, the filter its products are
// accurate enough for, and the map of output tiles of filter.outputs x filter.outputs pixels.
struct WinogradProblem {
  ContractionGeometry g;
  WinogradFilter filter;
  DType product;  // f32, or bf16 pairs into f32

  int64_t tiles_h() const { return (g.rows + filter.outputs - 1) / filter.outputs; }
  int64_t tiles_w() const { return (g.cols + filter.outputs - 1) / filter.outputs; }
};

// Nothing for groups that are no such convolution or whose b is no weight.
std::optional<WinogradProblem> winograd_problem(const graph::Group& group, const Target& target);

// The tiling that a Config of `winograd` means for a problem; in elements unless said.
struct WinogradTiling {
  MicroKernel micro;         // tile_m: output tiles; tile_v: vectors of columns
  int64_t kc;                // channels a chunk, a multiple of the lanes
  int64_t block_h, block_w;  // output tiles of a grid iteration
  int64_t block_n;           // its column tiles
  int64_t chunks, column_tiles;
  WinogradFilter filter;

  WinogradTiling(const WinogradProblem& problem, const Target& target,
                 const kernel::Config& config);
  int64_t tiles() const { return block_h * block_w; }
  int64_t patch_h() const { return filter.outputs * block_h + 2; }
  int64_t patch_w() const { return filter.outputs * block_w + 2; }

  // Scratch. A vector more than a position needs, so that the places of one tile in all positions
  // do not fall into one set of the L1 cache.
  int64_t patch_size() const { return patch_h() * patch_w() * micro.lanes; }  // f32
  int64_t v_position() const { return tiles() * kc + micro.lanes * micro.pair(); }
  int64_t v_size() const { return filter.positions() * v_position(); }  // of the product's dtype
  // Sums of all column tiles wait for the next chunk; those of one, if there is only one chunk.
  int64_t waiting_columns() const { return chunks == 1 ? 1 : block_n; }
  int64_t m_position() const { return waiting_columns() * tiles() * micro.tile_n() + micro.lanes; }
  int64_t m_size() const { return filter.positions() * m_position(); }  // f32
  int64_t scratch_bytes() const;

  // b of one column tile and chunk, and all of it, in elements of the product's dtype.
  int64_t panel() const { return filter.positions() * kc * micro.tile_n(); }
  int64_t packed_bytes() const;
};

// Ranked by winograd_cycles. `prologue_cycles`: of the work on the way in, a vector.
std::vector<kernel::Config> winograd_space(const WinogradProblem& problem, const Target& target,
                                           double prologue_cycles);
// An estimate: cycles of the busiest core.
double winograd_cycles(const WinogradProblem& problem, const Target& target,
                       const WinogradTiling& tiling, double prologue_cycles);

}  // namespace tempera::lower
