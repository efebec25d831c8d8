#pragma once

#include <vector>

#include "base/status.h"
#include "base/target.h"
#include "kernel/kernel.h"
#include "lower/schedules/contraction_geometry.h"
#include "lower/schedules/micro_kernel.h"

namespace tempera::lower {

// The tiling that a Config of `contraction` means for a geometry; all in elements unless said.
struct ContractionTiling {
  MicroKernel kernel;  // the register tile
  int64_t lanes;       // f32 a vector
  int64_t tile_m, tile_v;
  int64_t kc, block_h, block_w, block_n;
  int64_t k_parts;
  int64_t vector_bytes;

  ContractionTiling(const ContractionGeometry& g, const Target& target,
                    const kernel::Config& config);
  int64_t tile_n() const { return kernel.tile_n(); }
  int64_t vectors() const { return tile_n() / lanes; }  // of f32, in a row of a column tile
  int64_t chunks(const ContractionGeometry& g) const { return (g.channels + kc - 1) / kc; }
  // Of a part of the channels; the last part may have fewer.
  int64_t chunks_in_part(const ContractionGeometry& g) const {
    return (chunks(g) + k_parts - 1) / k_parts;
  }
  // Has every part a chunk?
  bool has_all_parts(const ContractionGeometry& g) const {
    return k_parts >= 1 && (k_parts - 1) * chunks_in_part(g) < chunks(g);
  }
  // A column tile holds the same places of all parts of the columns, one part after another.
  int64_t tile_part(const ContractionGeometry& g) const { return tile_n() / g.parts; }
  int64_t column_tiles(const ContractionGeometry& g) const {
    return (g.n / g.parts + tile_part(g) - 1) / tile_part(g);
  }
  // Of column `at` of a tile: its place in its part, and which column it is.
  kernel::Expr place_in_part(const ContractionGeometry& g, const kernel::Expr& tile,
                             const kernel::Expr& at) const;
  kernel::Expr column(const ContractionGeometry& g, const kernel::Expr& tile,
                      const kernel::Expr& at) const;
  // Of a vector of columns from `first` on, and of a vector of channels: which there are; undefined
  // where all are.
  kernel::Expr place_mask(const ContractionGeometry& g, const kernel::Expr& tile,
                          const kernel::Expr& first) const;
  kernel::Expr channel_mask(const ContractionGeometry& g, const kernel::Expr& channels) const;
  // Are all of its places within the parts, for every tile?
  bool is_whole(const ContractionGeometry& g) const { return g.n / g.parts % tile_part(g) == 0; }
  int64_t tiles_w() const { return (block_w + tile_m - 1) / tile_m; }
  int64_t patch_h(const ContractionGeometry& g) const {
    return (block_h - 1) * g.stride_h + (g.taps_h - 1) * g.dilation_h + 1;
  }
  // Wide enough for the last register tile of a row, which may reach past block_w.
  int64_t patch_w(const ContractionGeometry& g) const {
    return (tiles_w() * tile_m - 1) * g.stride_w + (g.taps_w - 1) * g.dilation_w + 1;
  }
  // Distance of neighbouring pixels in the patch: a vector more than kc, so that the pixels of a
  // tile do not all fall into one set of the L1 cache.
  int64_t patch_stride() const {
    const int64_t elements = vector_bytes / size_in_bytes(kernel.dtype);
    return (kc + elements - 1) / elements * elements + elements;
  }
  int64_t patch_size(const ContractionGeometry& g) const {
    return patch_h(g) * patch_w(g) * patch_stride();
  }
  // Sums that wait for the part's next chunk; one register tile if there is only one chunk.
  int64_t sums_size(const ContractionGeometry& g) const;
  // Where the channels are in parts, each part's sums of the whole output, f32 in memory:
  // [part][batch][row][col][column], with columns to the end of the last tile.
  int64_t part_columns(const ContractionGeometry& g) const { return column_tiles(g) * tile_n(); }
  int64_t part_sums_size(const ContractionGeometry& g) const {
    return k_parts > 1 ? k_parts * g.batch * g.rows * g.cols * part_columns(g) : 0;
  }
  // b of one column tile and chunk.
  int64_t panel_size(const ContractionGeometry& g) const { return g.taps() * kc * tile_n(); }
  int64_t packed_size(const ContractionGeometry& g) const {
    return g.b_batch * column_tiles(g) * chunks(g) * panel_size(g);
  }
  // Quantised b is widened a panel at a time into scratch; else nothing.
  int64_t staged_panel_size(const ContractionGeometry& g) const {
    return g.quantized ? panel_size(g) : 0;
  }
  int64_t scratch_bytes(const ContractionGeometry& g) const {
    return (patch_size(g) + staged_panel_size(g)) * size_in_bytes(kernel.dtype) + sums_size(g) * 4;
  }
};

// Whether the target has the register tile's registers, of matrices where it asks for them, and
// every part of the channels a chunk.
Status check_tiling(const ContractionGeometry& g, const Target& target,
                    const ContractionTiling& tiling);

// Cycles a vector of the group's work on the way into the patch: enough to weigh restaging against
// larger column blocks.
struct PrologueCycles {
  double elements = 0;    // of what is staged
  double statistics = 0;  // of the rows' moments, which each block makes of all channels
  double all() const { return elements + statistics; }
};
PrologueCycles prologue_cycles(const graph::Group& group);

// Ranked by an estimate of cycles; but the first one divides the channels as is best for one image
// alone, so that the order of its sums is the same in a batch of any size.
std::vector<kernel::Config> contraction_space(const ContractionGeometry& g, const Target& target,
                                              const PrologueCycles& prologue);
// The estimate: cycles of the busiest core.
double contraction_cycles(const ContractionGeometry& g, const Target& target,
                          const ContractionTiling& tiling, const PrologueCycles& prologue);

}  // namespace tempera::lower
