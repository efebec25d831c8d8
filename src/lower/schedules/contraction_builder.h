#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "lower/group_access.h"
#include "lower/schedules/block_moments.h"
#include "lower/schedules/contraction_space.h"
#include "lower/schedules/group_affine.h"
#include "lower/schedules/row_statistics.h"

namespace tempera::lower {

// The blocks of an image's places, each of one grid iteration of all columns' blocks.
inline int64_t moment_parts(const ContractionGeometry& g, const ContractionTiling& t) {
  return g.phases() * divide_up(g.rows, t.block_h) * divide_up(g.cols, t.block_w);
}

// Which of the program's temporaries: packed b, if it is no weight, comes first.
inline int part_sums_index(const ContractionGeometry& g) { return g.b_is_weight ? 0 : 1; }

// One build of a kernel over blocks of the output: the geometry and tiling with what its parts
// share. Where the channels are in parts, a first kernel leaves each part's sums in memory, and a
// second one joins them, in order, and runs the epilogue.
struct ContractionBuilder {
  using Buffer = kernel::Buffer;
  using Expr = kernel::Expr;
  using Stmt = kernel::Stmt;

  const graph::Group& group;
  const ContractionGeometry& g;
  const ContractionTiling& t;

  const MicroKernel& tile = t.kernel;
  const bool divided = t.k_parts > 1;
  const int64_t chunks = t.chunks(g);
  const int64_t chunks_in_part = t.chunks_in_part(g);
  const int64_t column_tiles = t.column_tiles(g);
  const int lanes = static_cast<int>(t.lanes);
  const RowStatistics statistics{group, g, lanes};
  const GroupAffine affine{group, lanes};
  const BlockMoments moments{group, moment_parts(g, t), lanes,
                             part_sums_index(g) + (divided ? 1 : 0)};

  Launch products(std::vector<std::pair<int, int>>& in_place) const;
  Launch joining(std::vector<std::pair<int, int>>& in_place) const;

 private:
  struct Block {  // one grid iteration
    GroupAccess& access;
    Buffer b = {};  // packed, or a widened panel of it
    Buffer patch = {}, sums = {};
    Buffer statistics = {};  // of the patch's pixels
    Buffer affine = {}, moments = {};
    Buffer part_sums = {};
    Expr batch = {}, block_h = {}, block_w = {}, block_n = {}, part = {};
  };
  struct Tile {  // a register tile of it
    Expr chunk;  // of the part's
    Expr column_tile, row, tile_w;
  };
  Expr lanes_from(const Expr& first) const { return kernel::ramp(first, 1, lanes); }
  Buffer part_sums(GroupAccess& access, bool written) const {
    return access.temporary(part_sums_index(g), {DType::f32, 1}, t.part_sums_size(g), written);
  }
  Buffer moment_sums() const;
  Stmt each_block(Block block, int64_t parts, const std::function<Stmt(const Block&)>& body) const;
  Stmt iteration(const Block& block) const;
  Stmt with_moments(const Block& block, const Stmt& body) const;
  Stmt each_register_tile(const Block& block, const std::function<Stmt(Expr, Expr)>& body) const;
  Stmt each_pixel(const Block& block, const std::function<Stmt(Expr, Expr, Expr)>& inside,
                  const std::function<Stmt(Expr)>& outside) const;
  Stmt stage_statistics(const Block& block) const;
  Stmt stage_patch(const Block& block, const Expr& chunk) const;
  Stmt column_tile(const Block& block, const Expr& chunk, const Expr& in_block) const;
  Stmt register_tile(const Block& block, const Tile& at) const;
  Stmt multiply(const Block& block, const Tile& at, const Buffer& accumulators) const;
  Stmt each_pixel_inside(const Block& block, const Tile& at,
                         const std::function<Stmt(const Expr&)>& body) const;
  Stmt epilogue(const Block& block, const Tile& at) const;
  Stmt keep_part(const Block& block, const Tile& at) const;
  Expr part_sum_place(const Block& block, const Tile& at, const Expr& m, const Expr& vector,
                      const Expr& part) const;
  Expr sum_at(const Block& block, const Tile& at, const Expr& m, const Expr& vector) const;
  Stmt store_vector(const Block& block, const Tile& at, const Expr& m, const Expr& v) const;
  Stmt store_moments(const Block& block) const;
  MicroKernel::Place waiting_place(const Tile& at) const;
  Expr sums_row(const Tile& at, const Expr& m) const;
  Expr b_panel(const Block& block, const Expr& chunk, const Expr& in_block) const;
  Expr chunk_of_all(const Block& block, const Expr& chunk) const {
    return divided ? block.part * number(chunks_in_part) + chunk : chunk;
  }
  Expr chunks_of(const Block& block) const {
    if (!divided || chunks % chunks_in_part == 0) return number(chunks_in_part);
    return kernel::min(number(chunks_in_part),
                       number(chunks) - block.part * number(chunks_in_part));
  }
};

}  // namespace tempera::lower
