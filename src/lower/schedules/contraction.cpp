#include "lower/schedules/contraction.h"

#include <algorithm>

#include "lower/schedules/contraction_builder.h"
#include "lower/schedules/contraction_pack.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Space;
using kernel::Stmt;

namespace {

// The tiling of the launch that joins the parts' sums: of the same places, for their moments, but
// of one column tile a block.
ContractionTiling joining_tiling(ContractionTiling t) {
  t.block_n = 1;
  return t;
}

Buffer scratch(const char* name, DType dtype, int64_t size) {
  return kernel::make_buffer(name, {dtype, 1}, Space::workgroup, size);
}

}  // namespace

// Columns outermost: neighbouring iterations share a panel of b, the larger of the two operands
// where it matters.
Stmt ContractionBuilder::each_block(Block block, int64_t parts,
                                    const std::function<Stmt(const Block&)>& body) const {
  const auto grid = [](const char* name, int64_t extent, Expr& counter,
                       const std::function<Stmt()>& inside) {
    return kernel::grid(name, number(extent), [&](const Expr& value) {
      counter = value;
      return inside();
    });
  };
  return grid("n", divide_up(column_tiles, t.block_n), block.block_n, [&] {
    return grid("part", parts, block.part, [&] {
      return grid("batch", g.batch, block.batch, [&] {
        return grid("h", divide_up(g.rows, t.block_h), block.block_h, [&] {
          return grid("w", divide_up(g.cols, t.block_w), block.block_w,
                      [&] { return body(block); });
        });
      });
    });
  });
}

Buffer ContractionBuilder::moment_sums() const {
  return scratch("moments", DType::f32, BlockMoments::kRows * t.block_n * t.tile_n());
}

Launch ContractionBuilder::products(std::vector<std::pair<int, int>>& in_place) const {
  GroupAccess access(group);
  Block block{
      .access = access,
      .b =
          g.quantized ? scratch("panel", tile.dtype, t.panel_size(g)) : packed_values(access, g, t),
      .patch = scratch("patch", tile.dtype, t.patch_size(g)),
      .sums = scratch("sums", DType::f32, t.sums_size(g)),
      .statistics = scratch("statistics", DType::f32,
                            std::max<int64_t>(1, t.patch_h(g) * t.patch_w(g) * statistics.size())),
      .affine = scratch("affine", DType::f32, affine.size()),
      .moments = moment_sums()};
  if (divided) block.part_sums = part_sums(access, true);
  affine.define(access, block.affine);
  const Stmt body = each_block(block, t.k_parts, [&](const Block& one) { return iteration(one); });
  Launch launch = access.launch("contraction", body);
  in_place = access.in_place();
  return launch;
}

Launch ContractionBuilder::joining(std::vector<std::pair<int, int>>& in_place) const {
  GroupAccess access(group);
  const Block all{
      .access = access, .moments = moment_sums(), .part_sums = part_sums(access, false)};
  const Stmt body = each_block(all, 1, [&](const Block& block) {
    const Stmt tiles = each_register_tile(block, [&](const Expr& row, const Expr& tile_w) {
      return epilogue(block, {0, 0, row, tile_w});
    });
    return with_moments(block, tiles);
  });
  Launch launch = access.launch("join_parts", body);
  in_place = access.in_place();
  return launch;
}

namespace {

bool accepts(const Group& group, const Target&) { return contraction_geometry(group).has_value(); }

std::vector<Config> space(const Group& group, const Target& target) {
  const ContractionGeometry g = *contraction_geometry(group);
  return contraction_space(g, target, prologue_cycles(group));
}

Estimate estimate(const Group& group, const Target& target, const Config& config) {
  const ContractionGeometry g = *contraction_geometry(group);
  const ContractionTiling tiling(g, target, config);
  const int64_t bytes = tiling.packed_size(g) * size_in_bytes(stored_dtype(g, target));
  return {contraction_cycles(g, target, tiling, prologue_cycles(group)), g.b_is_weight ? bytes : 0};
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const ContractionGeometry g = *contraction_geometry(group);
  const ContractionTiling tiling(g, target, config);
  TRY(check_tiling(g, target, tiling));
  Program program;
  pack_b(group, g, tiling, program);
  const ContractionBuilder builder{group, g, tiling};
  program.main.push_back(builder.products(program.in_place));
  if (builder.divided) {
    const ContractionTiling blocks = joining_tiling(tiling);
    const ContractionBuilder joining{group, g, blocks};
    program.temporary_bytes.push_back(tiling.part_sums_size(g) * size_in_bytes(DType::f32));
    program.main.push_back(joining.joining(program.in_place));
  }
  builder.moments.add_join(program);
  return program;
}

int64_t moment_parts(const Group& group, const Target& target, const Config& config) {
  const ContractionGeometry g = *contraction_geometry(group);
  return moment_parts(g, ContractionTiling(g, target, config));
}

}  // namespace

const Schedule kContraction = {"contraction",
                               "implicit GEMM from a staged input patch and packed b; for every "
                               "matmul and 1-D or 2-D convolution",
                               accepts,
                               space,
                               build,
                               estimate,
                               moment_parts};

}  // namespace tempera::lower
