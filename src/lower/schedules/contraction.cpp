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

// One build of the main kernel: the geometry and tiling with what its parts share.
struct ContractionBuilder {
  const Group& group;
  const ContractionGeometry& g;
  const ContractionTiling& t;

  const MicroKernel& tile = t.kernel;
  const int64_t chunks = t.chunks(g);
  const int64_t column_tiles = t.column_tiles(g);
  const int lanes = static_cast<int>(t.lanes);
  const RowStatistics statistics{group, g, lanes};
  const GroupAffine affine{group, lanes};
  const BlockMoments moments{group, moment_parts(g, t), lanes};

  Launch build(std::vector<std::pair<int, int>>& in_place) const;

 private:
  struct Block {  // one grid iteration
    GroupAccess& access;
    Buffer b;  // packed, or a widened panel of it
    Buffer patch, sums;
    Buffer statistics;  // of the patch's pixels
    Buffer affine, moments;
    Expr batch, block_h, block_w, block_n;
  };
  struct Tile {  // a register tile of it
    Expr chunk, column_tile, row, tile_w;
  };
  Expr lanes_from(const Expr& first) const { return kernel::ramp(first, 1, lanes); }
  Stmt iteration(const Block& block) const;
  Stmt each_pixel(const Block& block, const std::function<Stmt(Expr, Expr, Expr)>& inside,
                  const std::function<Stmt(Expr)>& outside) const;
  Stmt stage_statistics(const Block& block) const;
  Stmt stage_patch(const Block& block, const Expr& chunk) const;
  Stmt column_tile(const Block& block, const Expr& chunk, const Expr& in_block) const;
  Stmt register_tile(const Block& block, const Tile& at) const;
  Stmt multiply(const Block& block, const Tile& at, const Buffer& accumulators) const;
  Stmt epilogue(const Block& block, const Tile& at) const;
  Stmt store_vector(const Block& block, const Tile& at, const Expr& m, const Expr& v) const;
  Stmt store_moments(const Block& block) const;
  MicroKernel::Place waiting_place(const Tile& at) const;
  Expr sums_row(const Tile& at, const Expr& m) const;
  Expr b_panel(const Block& block, const Expr& chunk, const Expr& in_block) const;
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
                   lanes_from(chunk * number(t.kc) + kv * number(t.lanes)));
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
  if (chunks > 1)
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
  return packed_panel(g, t, block.batch, block.block_n * number(t.block_n) + in_block, chunk);
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
    Expr sum = kernel::load(block.sums, lanes_from(sums_row(at, m) + vector * number(t.lanes)));
    if (g.bias != kAbsent)
      sum = sum + kernel::cast(DType::f32, block.access.value_at(g.bias, {columns}, mask));
    indices.push_back(g.out_index(block.batch, out_row, col, columns));
    results.push_back(kernel::cast(result, sum));
  }
  return g.parts == 1 ? block.access.store_results(indices[0], results, mask)
                      : block.access.store_halves(indices, results, mask);
}

Stmt ContractionBuilder::epilogue(const Block& block, const Tile& at) const {
  const auto each_pixel_inside = [&](const std::function<Stmt(const Expr&)>& body) {
    return kernel::serial("m", number(t.tile_m), [&](const Expr& m) {
      const Expr in_block = at.tile_w * number(t.tile_m) + m;
      const Expr col = block.block_w * number(t.block_w) + in_block;
      return kernel::branch(in_block < number(t.block_w) && col < number(g.cols), body(m));
    });
  };
  const auto each_vector = [&](const std::function<Stmt(const Expr&)>& body) {
    return kernel::serial("v", number(t.vectors() / g.parts), body);
  };
  if (moments.empty())
    return each_pixel_inside([&](const Expr& m) {
      return each_vector([&](const Expr& v) { return store_vector(block, at, m, v); });
    });
  return each_vector([&](const Expr& v) {
    const BlockMoments::Sums sums = moments.make_sums();
    const Expr column = at.column_tile * number(t.tile_n()) + v * number(t.lanes);
    const Stmt pixels = each_pixel_inside([&](const Expr& m) {
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
  const Expr first = chunks == 1 ? Expr() : at.chunk == Expr(0);
  const Stmt finish = epilogue(block, at);
  return kernel::block(
      {tile.accumulate(accumulators, block.sums, waiting_place(at), first,
                       multiply(block, at, accumulators)),
       chunks == 1 ? finish : kernel::branch(at.chunk == number(chunks - 1), finish)});
}

Stmt ContractionBuilder::column_tile(const Block& block, const Expr& chunk,
                                     const Expr& in_block) const {
  const Stmt rows = kernel::serial("row", number(t.block_h), [&](const Expr& row) {
    const Stmt tiles = kernel::serial("tile_w", number(t.tiles_w()), [&](const Expr& tile_w) {
      const Expr col = block.block_w * number(t.block_w) + tile_w * number(t.tile_m);
      return kernel::branch(col < number(g.cols),
                            register_tile(block, {chunk, in_block, row, tile_w}));
    });
    return kernel::branch(block.block_h * number(t.block_h) + row < number(g.rows), tiles);
  });
  const Stmt all =
      g.quantized
          ? kernel::block(
                {widen_panel(block.access, g, t, b_panel(block, chunk, in_block), block.b), rows})
          : rows;
  return kernel::branch(block.block_n * number(t.block_n) + in_block < number(column_tiles), all);
}

Stmt ContractionBuilder::iteration(const Block& block) const {
  Stmt body = kernel::serial("chunk", number(chunks), [&](const Expr& chunk) {
    return kernel::block({stage_patch(block, chunk),
                          kernel::serial("tile", number(t.block_n), [&](const Expr& in_block) {
                            return column_tile(block, chunk, in_block);
                          })});
  });
  if (!moments.empty())
    body = kernel::allocate(block.moments, kernel::block({body, store_moments(block)}));
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

Launch ContractionBuilder::build(std::vector<std::pair<int, int>>& in_place) const {
  GroupAccess access(group);
  const auto scratch = [](const char* name, DType dtype, int64_t size) {
    return kernel::make_buffer(name, {dtype, 1}, Space::workgroup, size);
  };
  const Buffer b =
      g.quantized ? scratch("panel", tile.dtype, t.panel_size(g)) : packed_values(access, g, t);
  const Buffer patch = scratch("patch", tile.dtype, t.patch_size(g));
  const Buffer sums = scratch("sums", DType::f32, t.sums_size(g));
  const Buffer row_statistics =
      scratch("statistics", DType::f32,
              std::max<int64_t>(1, t.patch_h(g) * t.patch_w(g) * statistics.size()));
  const Buffer factors = scratch("affine", DType::f32, affine.size());
  const Buffer moment_sums =
      scratch("moments", DType::f32, BlockMoments::kRows * t.block_n * t.tile_n());
  affine.define(access, factors);
  // Columns outermost: neighbouring iterations share a panel of b, the larger of the two operands
  // where it matters.
  const Stmt body =
      kernel::grid("n", number(divide_up(column_tiles, t.block_n)), [&](const Expr& n) {
        return kernel::grid("batch", number(g.batch), [&](const Expr& batch) {
          return kernel::grid("h", number(divide_up(g.rows, t.block_h)), [&](const Expr& h) {
            return kernel::grid("w", number(divide_up(g.cols, t.block_w)), [&](const Expr& w) {
              return iteration(
                  {access, b, patch, sums, row_statistics, factors, moment_sums, batch, h, w, n});
            });
          });
        });
      });
  Launch launch = access.launch("contraction", body);
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
  TRY(check_registers(g, target, tiling));
  Program program;
  pack_b(group, g, tiling, program);
  const ContractionBuilder builder{group, g, tiling};
  program.main.push_back(builder.build(program.in_place));
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
