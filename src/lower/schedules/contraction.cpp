#include "lower/schedules/contraction.h"

#include <algorithm>

#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/block_moments.h"
#include "lower/schedules/contraction_pack.h"
#include "lower/schedules/contraction_space.h"
#include "lower/schedules/group_affine.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/row_statistics.h"

namespace tempera::lower {

using graph::Group;
using graph::kAbsent;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Space;
using kernel::Stmt;

namespace {

// The blocks of an image's places, each of one grid iteration of all columns' blocks.
int64_t moment_parts(const ContractionGeometry& g, const ContractionTiling& t) {
  return g.phases() * divide_up(g.rows, t.block_h) * divide_up(g.cols, t.block_w);
}

// Which of the program's temporaries: packed b, if it is no weight, comes first.
int part_sums_index(const ContractionGeometry& g) { return g.b_is_weight ? 0 : 1; }

// The tiling of the launch that joins the parts' sums: of the same places, for their moments, but
// of one column tile a block.
ContractionTiling joining_tiling(ContractionTiling t) {
  t.block_n = 1;
  return t;
}

// One build of a kernel over blocks of the output: the geometry and tiling with what its parts
// share. Where the channels are in parts, a first kernel leaves each part's sums in memory, and a
// second one joins them, in order, and runs the epilogue.
struct ContractionBuilder {
  const Group& group;
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

// The pixels of the patch in order: inside(pixel, h, w) for those that the input has.
Stmt ContractionBuilder::each_pixel(const Block& block,
                                    const std::function<Stmt(Expr, Expr, Expr)>& inside,
                                    const std::function<Stmt(Expr)>& outside) const {
  return kernel::serial("ph", number(t.patch_h(g)), [&](const Expr& ph) {
    return kernel::serial("pw", number(t.patch_w(g)), [&](const Expr& pw) {
      const Expr h = block.block_h * number(t.block_h * g.stride_h) + ph - g.pad_at_h(block.batch);
      const Expr w = block.block_w * number(t.block_w * g.stride_w) + pw - g.pad_at_w(block.batch);
      const Expr pixel = ph * number(t.patch_w(g)) + pw;
      return kernel::branch(within(h, g.in_h) && within(w, g.in_w), inside(pixel, h, w),
                            outside ? outside(pixel) : nullptr);
    });
  });
}

Stmt ContractionBuilder::stage_statistics(const Block& block) const {
  return each_pixel(
      block,
      [&](const Expr& pixel, const Expr& h, const Expr& w) {
        return statistics.compute(block.access, block.statistics, pixel, [&](const Expr& channels) {
          return g.a_index(block.batch, h, w, channels);
        });
      },
      nullptr);
}

Stmt ContractionBuilder::stage_patch(const Block& block, const Expr& chunk) const {
  const Expr zeros = kernel::constant({tile.dtype, lanes}, 0);
  // store(place in the patch, channels)
  const auto each_vector = [&](const Expr& pixel, const std::function<Stmt(Expr, Expr)>& store) {
    return kernel::serial("kv", number(divide_up(t.kc, t.lanes)), [&](const Expr& kv) {
      return store(lanes_from(pixel * number(t.patch_stride()) + kv * number(t.lanes)),
                   lanes_from(chunk_of_all(block, chunk) * number(t.kc) + kv * number(t.lanes)));
    });
  };
  const auto value = [&](const Index& index, const Expr& channels) {
    const Expr mask = t.channel_mask(g, channels);
    return filled(block.access.value_at(g.a, index, mask), zeros->type, mask);
  };
  const auto inside = [&](const Expr& pixel, const Expr& h, const Expr& w) {
    return statistics.defined(block.access, block.statistics, pixel, [&] {
      return each_vector(pixel, [&](const Expr& at, const Expr& channels) {
        const Index index = g.a_index(block.batch, h, w, channels);
        return block.access.each_piece(
            g.a, index, [&] { return kernel::store(block.patch, at, value(index, channels)); });
      });
    });
  };
  return each_pixel(block, inside, [&](const Expr& pixel) {
    return each_vector(
        pixel, [&](const Expr& at, const Expr&) { return kernel::store(block.patch, at, zeros); });
  });
}

// Where the sums of pixel m of a register tile wait, as an index of the scratch's f32 elements.
Expr ContractionBuilder::sums_row(const Tile& at, const Expr& m) const {
  Expr pixel = m;
  if (chunks_in_part > 1)
    pixel = ((at.column_tile * number(t.block_h) + at.row) * number(t.tiles_w()) + at.tile_w) *
                number(t.tile_m) +
            m;
  return pixel * number(t.tile_n());
}
// Those of vector v of it.
MicroKernel::Place ContractionBuilder::waiting_place(const Tile& at) const {
  return [this, at](const Expr& m, const Expr& v) {
    return kernel::ramp(sums_row(at, m) + v * number(tile.width()), 1, tile.width());
  };
}

// Of a column tile of the block, in packed b.
Expr ContractionBuilder::b_panel(const Block& block, const Expr& chunk,
                                 const Expr& in_block) const {
  return packed_panel(g, t, block.batch, block.block_n * number(t.block_n) + in_block,
                      chunk_of_all(block, chunk));
}

Stmt ContractionBuilder::multiply(const Block& block, const Tile& at,
                                  const Buffer& accumulators) const {
  const Expr panel = g.quantized ? Expr(0) : b_panel(block, at.chunk, at.column_tile);
  const auto tap = [&](const Expr& h, const Expr& w) {
    const Expr pixel =
        (at.row * number(g.stride_h) + h * number(g.dilation_h)) * number(t.patch_w(g)) +
        at.tile_w * number(t.tile_m * g.stride_w) + w * number(g.dilation_w);
    const auto steps = [&](const Expr& first, int64_t count) {
      return kernel::serial("k", number(count / tile.depth()), [&](const Expr& step) {
        const Expr k = first + step * number(tile.depth());
        const Expr b_first =
            panel + ((h * number(g.taps_w) + w) * number(t.kc) + k) * number(t.tile_n());
        const Expr a_first = pixel * number(t.patch_stride()) + k;
        return tile.step(accumulators, block.patch, a_first, g.stride_w * t.patch_stride(), block.b,
                         b_first);
      });
    };
    if (!tile.sums_in_blocks()) return steps(0, t.kc);
    const auto one_block = [&](const Expr& first, int64_t count) {
      return kernel::block({tile.clear(accumulators), steps(first, count),
                            tile.flush(accumulators, block.sums, waiting_place(at))});
    };
    const int64_t whole = t.kc / tile.block(), rest = t.kc % tile.block();
    const Stmt blocks = kernel::serial("k_block", number(whole), [&](const Expr& i) {
      return one_block(i * number(tile.block()), tile.block());
    });
    if (rest == 0) return blocks;
    return kernel::block({blocks, one_block(number(whole * tile.block()), rest)});
  };
  return kernel::serial("tap_h", number(g.taps_h), [&](const Expr& h) {
    return kernel::serial("tap_w", number(g.taps_w), [&](const Expr& w) { return tap(h, w); });
  });
}

// Of a vector of columns of pixel m of a register tile.
Expr ContractionBuilder::part_sum_place(const Block& block, const Tile& at, const Expr& m,
                                        const Expr& vector, const Expr& part) const {
  const Expr row = block.block_h * number(t.block_h) + at.row;
  const Expr col = block.block_w * number(t.block_w) + at.tile_w * number(t.tile_m) + m;
  const Expr column = (block.block_n * number(t.block_n) + at.column_tile) * number(t.tile_n()) +
                      vector * number(t.lanes);
  const Expr image = part * number(g.batch) + block.batch;
  const Expr place = (image * number(g.rows) + row) * number(g.cols) + col;
  return lanes_from(place * number(t.part_columns(g)) + column);
}

Expr ContractionBuilder::sum_at(const Block& block, const Tile& at, const Expr& m,
                                const Expr& vector) const {
  if (!divided)
    return kernel::load(block.sums, lanes_from(sums_row(at, m) + vector * number(t.lanes)));
  Expr sum;
  for (int64_t part = 0; part < t.k_parts; ++part) {
    const Expr one =
        kernel::load(block.part_sums, part_sum_place(block, at, m, vector, number(part)));
    sum = sum.defined() ? sum + one : one;
  }
  return sum;
}

// The finished sums of pixel m of a register tile, vector v of each part of the columns.
Stmt ContractionBuilder::store_vector(const Block& block, const Tile& at, const Expr& m,
                                      const Expr& v) const {
  const DType result = group.body.value(group.body.node(group.anchor).outputs[0]).dtype;
  const Expr out_row = block.block_h * number(t.block_h) + at.row;
  const Expr col = block.block_w * number(t.block_w) + at.tile_w * number(t.tile_m) + m;
  const Expr tile = block.block_n * number(t.block_n) + at.column_tile;
  const Expr mask = t.place_mask(g, tile, v * number(t.lanes));
  std::vector<Index> indices;
  std::vector<Expr> results;
  for (int64_t part = 0; part < g.parts; ++part) {
    const Expr vector = v + number(part * t.vectors() / g.parts);
    const Expr first = t.place_in_part(g, tile, v * number(t.lanes));
    const Expr columns = lanes_from(first + number(part * (g.n / g.parts)));
    Expr sum = sum_at(block, at, m, vector);
    if (g.bias != kAbsent)
      sum = sum + kernel::cast(DType::f32, block.access.value_at(g.bias, {columns}, mask));
    indices.push_back(g.out_index(block.batch, out_row, col, columns));
    results.push_back(kernel::cast(result, sum));
  }
  return g.parts == 1 ? block.access.store_results(indices[0], results, mask)
                      : block.access.store_halves(indices, results, mask);
}

Stmt ContractionBuilder::each_pixel_inside(const Block& block, const Tile& at,
                                           const std::function<Stmt(const Expr&)>& body) const {
  return kernel::serial("m", number(t.tile_m), [&](const Expr& m) {
    const Expr in_block = at.tile_w * number(t.tile_m) + m;
    const Expr col = block.block_w * number(t.block_w) + in_block;
    return kernel::branch(in_block < number(t.block_w) && col < number(g.cols), body(m));
  });
}

// What a part has of the sums, to memory.
Stmt ContractionBuilder::keep_part(const Block& block, const Tile& at) const {
  return each_pixel_inside(block, at, [&](const Expr& m) {
    return kernel::serial("v", number(t.vectors()), [&](const Expr& v) {
      const Expr sum = kernel::load(block.sums, lanes_from(sums_row(at, m) + v * number(t.lanes)));
      return kernel::store(block.part_sums, part_sum_place(block, at, m, v, block.part), sum);
    });
  });
}

Stmt ContractionBuilder::epilogue(const Block& block, const Tile& at) const {
  const auto each_vector = [&](const std::function<Stmt(const Expr&)>& body) {
    return kernel::serial("v", number(t.vectors() / g.parts), body);
  };
  if (moments.empty())
    return each_pixel_inside(block, at, [&](const Expr& m) {
      return each_vector([&](const Expr& v) { return store_vector(block, at, m, v); });
    });
  return each_vector([&](const Expr& v) {
    const BlockMoments::Sums sums = moments.make_sums();
    const Expr column = at.column_tile * number(t.tile_n()) + v * number(t.lanes);
    const Stmt pixels = each_pixel_inside(block, at, [&](const Expr& m) {
      moments.watch(block.access, sums, at.row == Expr(0) && at.tile_w == Expr(0) && m == Expr(0));
      return store_vector(block, at, m, v);
    });
    return moments.around(block.moments, t.block_n * t.tile_n(), column, sums, pixels);
  });
}

// Of all columns of the block.
Stmt ContractionBuilder::store_moments(const Block& block) const {
  const auto left = [](int64_t size, const Expr& index, int64_t extent) {
    return kernel::min(number(size), number(extent) - index * number(size));
  };
  const Expr places =
      left(t.block_h, block.block_h, g.rows) * left(t.block_w, block.block_w, g.cols);
  const Expr part = (block.batch * number(divide_up(g.rows, t.block_h)) + block.block_h) *
                        number(divide_up(g.cols, t.block_w)) +
                    block.block_w;
  return kernel::serial("tile", number(t.block_n), [&](const Expr& in_block) {
    const Expr tile = block.block_n * number(t.block_n) + in_block;
    const Stmt columns = kernel::serial("v", number(t.vectors()), [&](const Expr& v) {
      const Expr at = v * number(t.lanes);
      return moments.store(
          block.access, block.moments, t.block_n * t.tile_n(), in_block * number(t.tile_n()) + at,
          part, lanes_from(t.place_in_part(g, tile, at)), places, t.place_mask(g, tile, at));
    });
    return kernel::branch(tile < number(column_tiles), columns);
  });
}

Stmt ContractionBuilder::register_tile(const Block& block, const Tile& at) const {
  const Buffer accumulators = tile.make_sums();
  const bool is_only = chunks_in_part == 1;
  const Expr first = is_only ? Expr() : at.chunk == Expr(0);
  const Stmt finish = divided ? keep_part(block, at) : epilogue(block, at);
  return kernel::block(
      {tile.accumulate(accumulators, block.sums, waiting_place(at), first,
                       multiply(block, at, accumulators)),
       is_only ? finish : kernel::branch(at.chunk == chunks_of(block) - Expr(1), finish)});
}

Stmt ContractionBuilder::each_register_tile(const Block& block,
                                            const std::function<Stmt(Expr, Expr)>& body) const {
  return kernel::serial("row", number(t.block_h), [&](const Expr& row) {
    const Stmt tiles = kernel::serial("tile_w", number(t.tiles_w()), [&](const Expr& tile_w) {
      const Expr col = block.block_w * number(t.block_w) + tile_w * number(t.tile_m);
      return kernel::branch(col < number(g.cols), body(row, tile_w));
    });
    return kernel::branch(block.block_h * number(t.block_h) + row < number(g.rows), tiles);
  });
}

Stmt ContractionBuilder::column_tile(const Block& block, const Expr& chunk,
                                     const Expr& in_block) const {
  const Stmt rows = each_register_tile(block, [&](const Expr& row, const Expr& tile_w) {
    return register_tile(block, {chunk, in_block, row, tile_w});
  });
  const Stmt all =
      g.quantized
          ? kernel::block(
                {widen_panel(block.access, g, t, b_panel(block, chunk, in_block), block.b), rows})
          : rows;
  return kernel::branch(block.block_n * number(t.block_n) + in_block < number(column_tiles), all);
}

// `body`, which runs the epilogue, with the moments of what it stores.
Stmt ContractionBuilder::with_moments(const Block& block, const Stmt& body) const {
  if (moments.empty()) return body;
  return kernel::allocate(block.moments, kernel::block({body, store_moments(block)}));
}

Stmt ContractionBuilder::iteration(const Block& block) const {
  Stmt body = kernel::serial("chunk", chunks_of(block), [&](const Expr& chunk) {
    return kernel::block({stage_patch(block, chunk),
                          kernel::serial("tile", number(t.block_n), [&](const Expr& in_block) {
                            return column_tile(block, chunk, in_block);
                          })});
  });
  if (!divided) body = with_moments(block, body);
  if (!affine.empty()) {
    const Expr image = g.a_index(block.batch, 0, 0, 0)[0];
    body = kernel::allocate(
        block.affine, kernel::block({affine.compute(block.access, block.affine, image), body}));
  }
  if (!statistics.empty())
    body = kernel::allocate(block.statistics, kernel::block({stage_statistics(block), body}));
  if (g.quantized) body = kernel::allocate(block.b, body);
  return kernel::allocate(block.patch, kernel::allocate(block.sums, body));
}

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

Buffer scratch(const char* name, DType dtype, int64_t size) {
  return kernel::make_buffer(name, {dtype, 1}, Space::workgroup, size);
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
