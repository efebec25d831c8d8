#include "lower/schedules/contraction_builder.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using graph::kAbsent;
using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;

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

// `body`, which runs the epilogue, with the moments of what it stores.
Stmt ContractionBuilder::with_moments(const Block& block, const Stmt& body) const {
  if (moments.empty()) return body;
  return kernel::allocate(block.moments, kernel::block({body, store_moments(block)}));
}

}  // namespace tempera::lower
