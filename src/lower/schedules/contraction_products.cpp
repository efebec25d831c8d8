#include "lower/schedules/accumulator.h"
#include "lower/schedules/contraction_builder.h"
#include "lower/schedules/contraction_pack.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;

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

}  // namespace tempera::lower
