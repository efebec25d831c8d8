#include "lower/schedules/winograd.h"

#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/block_moments.h"
#include "lower/schedules/contraction_space.h"
#include "lower/schedules/group_affine.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/winograd_space.h"

namespace tempera::lower {

using graph::Group;
using graph::kAbsent;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Space;
using kernel::Stmt;
using kernel::Type;

namespace {

// The blocks of an image's tiles.
int64_t moment_parts(const WinogradProblem& problem, const WinogradTiling& t) {
  return divide_up(problem.tiles_h(), t.block_h) * divide_up(problem.tiles_w(), t.block_w);
}

// One build: the problem and tiling with what the parts of the kernels share.
struct WinogradBuilder {
  const Group& group;
  const WinogradProblem& problem;
  const WinogradTiling& t;

  const ContractionGeometry& g = problem.g;
  const MicroKernel& micro = t.micro;
  const int64_t in = t.filter.inputs(), out = t.filter.outputs, positions = t.filter.positions();
  const int64_t lanes = micro.lanes, tile_n = micro.tile_n();
  const Type vector = micro.sum_type();
  const GroupAffine affine{group, micro.lanes};
  const BlockMoments moments{group, moment_parts(problem, t), micro.lanes};

  Launch pack() const;
  Launch main(std::vector<std::pair<int, int>>& in_place) const;

 private:
  struct Block {  // one grid iteration of the main kernel
    GroupAccess& access;
    Buffer b, patch, v, m, pixels;
    Buffer affine, moments;
    Expr batch, tile_h, tile_w, column_tile;  // the first of each, tiles and column tiles
    Expr part;                                // of the moments of all images
  };

  Expr lanes_from(const Expr& first) const { return kernel::ramp(first, 1, micro.lanes); }
  Expr zeros() const { return kernel::constant(vector, 0); }
  // Lanes of a value as f32, zeros where the mask is off.
  Expr value_lanes(GroupAccess& access, graph::ValueId value, const Index& index,
                   const Expr& mask) const {
    return filled(access.value_at(value, index, mask), vector, mask);
  }
  Stmt each_tile(const std::function<Stmt(Expr, Expr)>& body) const;

  Stmt transform_column(GroupAccess& access, const Buffer& rows, const Expr& chunk,
                        const Expr& column, const Expr& place) const;
  Stmt write_panel(const Buffer& rows, const Buffer& packed, const Expr& panel) const;
  Stmt stage_patch(const Block& block, const Expr& channels) const;
  Stmt transform_patch(const Block& block, const Expr& k) const;
  Stmt fill_v(const Block& block, const Expr& chunk) const;
  Stmt register_tile(const Block& block, const Expr& chunk, const Expr& tile, const Expr& position,
                     const Expr& first) const;
  Stmt multiply(const Block& block, const Expr& chunk, const Expr& tile) const;
  Stmt store_pixels(const Block& block, const Expr& h, const Expr& w, const Expr& tile,
                    const Expr& v) const;
  Stmt store_moments(const Block& block) const;
  Stmt transform_sums(const Block& block, const Expr& tile) const;
  Stmt each_column_tile(const Block& block, const std::function<Stmt(Expr)>& body) const;
  Stmt iteration(const Block& block) const;
  Expr m_index(const Expr& position, const Expr& tile, const Expr& place, const Expr& v) const;
};

// --- The weights.

// One column's transformed weights, as rows[place][position][k], for all channels of a chunk.
Stmt WinogradBuilder::transform_column(GroupAccess& access, const Buffer& rows, const Expr& chunk,
                                       const Expr& column, const Expr& place) const {
  return kernel::serial("kv", number(t.kc / lanes), [&](const Expr& kv) {
    const Expr channels = lanes_from(chunk * number(t.kc) + kv * number(lanes));
    const Expr mask = mask_below(channels, g.channels, t.kc);
    return transform_square(
        t.filter, transform_weights, 3, in, vector,
        [&](int64_t h, int64_t w) {
          return value_lanes(access, g.b,
                             g.b_index(Expr(0), number(h), number(w), channels, column), mask);
        },
        [&](int64_t h, int64_t w, const Expr& value) {
          const Expr at = place + number((h * in + w) * t.kc) + kv * number(lanes);
          return kernel::store(rows, lanes_from(at), value);
        });
  });
}

// rows[column][position][k] to packed[position][k / pair][column][pair].
Stmt WinogradBuilder::write_panel(const Buffer& rows, const Buffer& packed,
                                  const Expr& panel) const {
  const int64_t row = positions * t.kc + lanes, pair = micro.pair();
  return kernel::serial("step", number(positions * t.kc / pair), [&](const Expr& step) {
    return kernel::serial("v", number(micro.tile_v), [&](const Expr& v) {
      const Expr from = v * number(lanes * row) + step * number(pair);
      const Expr to = panel + (step * number(tile_n) + v * number(lanes)) * number(pair);
      return micro.store_b(packed, to, [&](int64_t i) {
        const Expr across = kernel::ramp(from + number(i), number(row), micro.lanes);
        return kernel::cast(problem.product, kernel::load(rows, across));
      });
    });
  });
}

// Memory runs along a column's channels and taps: they are read a column at a time into scratch,
// which is then read across. Zeros past the last channel and column.
Launch WinogradBuilder::pack() const {
  GroupAccess access(group);
  const int64_t row = positions * t.kc + lanes;
  const Buffer packed =
      access.packed(0, {problem.product, 1}, t.column_tiles * t.chunks * t.panel(), true);
  const Buffer rows = kernel::make_buffer("rows", {DType::f32, 1}, Space::workgroup, tile_n * row);
  const auto panel = [&](const Expr& tile, const Expr& chunk) {
    const Stmt read = kernel::serial("n", number(tile_n), [&](const Expr& n) {
      const Expr column = tile * number(tile_n) + n, place = n * number(row);
      const Stmt inside = transform_column(access, rows, chunk, column, place);
      if (g.n % tile_n == 0) return inside;
      const Stmt outside =
          kernel::serial("k", number(positions * t.kc / lanes), [&](const Expr& k) {
            return kernel::store(rows, lanes_from(place + k * number(lanes)), zeros());
          });
      return kernel::branch(column < number(g.n), inside, outside);
    });
    const Expr at = (tile * number(t.chunks) + chunk) * number(t.panel());
    return kernel::allocate(rows, kernel::block({read, write_panel(rows, packed, at)}));
  };
  const Stmt body = kernel::grid("tile", number(t.column_tiles), [&](const Expr& tile) {
    return kernel::grid("chunk", number(t.chunks),
                        [&](const Expr& chunk) { return panel(tile, chunk); });
  });
  return access.launch("winograd_pack", body);
}

// --- The convolution.

Stmt WinogradBuilder::each_tile(const std::function<Stmt(Expr, Expr)>& body) const {
  return kernel::serial("th", number(t.block_h), [&](const Expr& h) {
    return kernel::serial("tw", number(t.block_w), [&](const Expr& w) { return body(h, w); });
  });
}

// A vector of channels of the block's input pixels, as patch[h][w][channel].
Stmt WinogradBuilder::stage_patch(const Block& block, const Expr& channels) const {
  const Expr mask = mask_below(channels, g.channels, t.kc);
  return kernel::serial("ph", number(t.patch_h()), [&](const Expr& ph) {
    return kernel::serial("pw", number(t.patch_w()), [&](const Expr& pw) {
      const Expr h = block.tile_h * number(out) + ph - number(g.pad_h);
      const Expr w = block.tile_w * number(out) + pw - number(g.pad_w);
      const Expr at = lanes_from((ph * number(t.patch_w()) + pw) * number(lanes));
      const Index index = g.a_index(block.batch, h, w, channels);
      const Stmt inside = block.access.each_piece(g.a, index, [&] {
        return kernel::store(block.patch, at, value_lanes(block.access, g.a, index, mask));
      });
      return kernel::branch(within(h, g.in_h) && within(w, g.in_w), inside,
                            kernel::store(block.patch, at, zeros()));
    });
  });
}

// The patch of one vector of channels to V, at channel k of its chunk.
Stmt WinogradBuilder::transform_patch(const Block& block, const Expr& k) const {
  return each_tile([&](const Expr& h, const Expr& w) {
    const Expr corner = (h * number(t.patch_w()) + w) * number(out * lanes);
    const Expr place = (h * number(t.block_w) + w) * number(t.kc) + k;
    return transform_square(
        t.filter, transform_inputs, in, in, vector,
        [&](int64_t row, int64_t column) {
          const Expr at = corner + number((row * t.patch_w() + column) * lanes);
          return kernel::load(block.patch, lanes_from(at));
        },
        [&](int64_t row, int64_t column, const Expr& value) {
          const Expr at = place + number((row * in + column) * t.v_position());
          return kernel::store(block.v, lanes_from(at), kernel::cast(problem.product, value));
        });
  });
}

Stmt WinogradBuilder::fill_v(const Block& block, const Expr& chunk) const {
  return kernel::serial("kv", number(t.kc / lanes), [&](const Expr& kv) {
    const Expr k = kv * number(lanes);
    return kernel::block(
        {stage_patch(block, lanes_from(chunk * number(t.kc) + k)), transform_patch(block, k)});
  });
}

// Where the sum of an output tile of the block, vector v of a column tile, waits in a position.
Expr WinogradBuilder::m_index(const Expr& position, const Expr& tile, const Expr& place,
                              const Expr& v) const {
  const Expr column_tile = t.waiting_columns() == 1 ? Expr(0) : tile;
  return lanes_from(position * number(t.m_position()) +
                    (column_tile * number(t.tiles()) + place) * number(tile_n) + v * number(lanes));
}

Stmt WinogradBuilder::register_tile(const Block& block, const Expr& chunk, const Expr& tile,
                                    const Expr& position, const Expr& first) const {
  const Buffer sums = micro.make_sums();
  const Expr panel = ((block.column_tile + tile) * number(t.chunks) + chunk) * number(t.panel());
  const int64_t pair = micro.pair(), steps = t.kc / pair;
  const Stmt products = kernel::serial("k", number(steps), [&](const Expr& k) {
    const Expr a_first =
        position * number(t.v_position()) + first * number(t.kc) + k * number(pair);
    const Expr b_first = panel + (position * number(steps) + k) * number(tile_n * pair);
    return micro.step(sums, block.v, a_first, t.kc, block.b, b_first);
  });
  const auto place = [&](const Expr& m, const Expr& v) {
    return m_index(position, tile, first + m, v);
  };
  const Expr is_first = t.chunks == 1 ? Expr() : chunk == Expr(0);
  return micro.accumulate(sums, block.m, place, is_first, products);
}

// A chunk's products for all positions and tiles of the block and one column tile.
Stmt WinogradBuilder::multiply(const Block& block, const Expr& chunk, const Expr& tile) const {
  return kernel::serial("position", number(positions), [&](const Expr& position) {
    return kernel::serial("m", number(t.tiles() / micro.tile_m), [&](const Expr& m) {
      return register_tile(block, chunk, tile, position, m * number(micro.tile_m));
    });
  });
}

// pixels[h][w][column] of tile (h, w) of the block through the epilogue to memory, those inside the
// map, of vector v of a column tile.
Stmt WinogradBuilder::store_pixels(const Block& block, const Expr& h, const Expr& w,
                                   const Expr& tile, const Expr& v) const {
  const Expr columns = lanes_from((block.column_tile + tile) * number(tile_n) + v * number(lanes));
  const Expr mask = mask_below(columns, g.n, tile_n);
  const DType result = group.body.value(group.body.node(group.anchor).outputs[0]).dtype;
  const BlockMoments::Sums sums = moments.make_sums();
  const Stmt pixels = kernel::serial("y", number(out), [&](const Expr& y) {
    return kernel::serial("x", number(out), [&](const Expr& x) {
      const Expr row = (block.tile_h + h) * number(out) + y;
      const Expr col = (block.tile_w + w) * number(out) + x;
      Expr sum = kernel::load(block.pixels, lanes_from((y * number(out) + x) * number(lanes)));
      if (g.bias != kAbsent)
        sum = sum + kernel::cast(DType::f32, block.access.value_at(g.bias, {columns}, mask));
      const Expr zero = 0;
      if (!moments.empty())
        moments.watch(block.access, sums, h == zero && w == zero && y == zero && x == zero);
      return kernel::branch(row < number(g.rows) && col < number(g.cols),
                            block.access.store_results(g.out_index(block.batch, row, col, columns),
                                                       {kernel::cast(result, sum)}, mask));
    });
  });
  if (moments.empty()) return pixels;
  return moments.around(block.moments, t.block_n * tile_n,
                        tile * number(tile_n) + v * number(lanes), sums, pixels);
}

// Of all columns of the block.
Stmt WinogradBuilder::store_moments(const Block& block) const {
  const auto left = [&](int64_t tiles, const Expr& first, int64_t extent) {
    return kernel::min(number(tiles * out), number(extent) - first * number(out));
  };
  const Expr places = left(t.block_h, block.tile_h, g.rows) * left(t.block_w, block.tile_w, g.cols);
  return each_column_tile(block, [&](const Expr& tile) {
    return kernel::serial("v", number(micro.tile_v), [&](const Expr& v) {
      const Expr column = tile * number(tile_n) + v * number(lanes);
      const Expr columns = lanes_from(block.column_tile * number(tile_n) + column);
      return moments.store(block.access, block.moments, t.block_n * tile_n, column, block.part,
                           columns, places, mask_below(columns, g.n, tile_n));
    });
  });
}

// The finished sums of one column tile to pixels.
Stmt WinogradBuilder::transform_sums(const Block& block, const Expr& tile) const {
  return each_tile([&](const Expr& h, const Expr& w) {
    const Expr tile_h = block.tile_h + h, tile_w = block.tile_w + w;
    const Stmt vectors = kernel::serial("v", number(micro.tile_v), [&](const Expr& v) {
      const Stmt transform = transform_square(
          t.filter, transform_products, in, out, vector,
          [&](int64_t row, int64_t column) {
            return kernel::load(
                block.m, m_index(number(row * in + column), tile, h * number(t.block_w) + w, v));
          },
          [&](int64_t y, int64_t x, const Expr& value) {
            return kernel::store(block.pixels, lanes_from(number((y * out + x) * lanes)), value);
          });
      return kernel::block({transform, store_pixels(block, h, w, tile, v)});
    });
    return kernel::branch(tile_h < number(problem.tiles_h()) && tile_w < number(problem.tiles_w()),
                          vectors);
  });
}

Stmt WinogradBuilder::each_column_tile(const Block& block,
                                       const std::function<Stmt(Expr)>& body) const {
  return kernel::serial("tile", number(t.block_n), [&](const Expr& tile) {
    return kernel::branch(block.column_tile + tile < number(t.column_tiles), body(tile));
  });
}

Stmt WinogradBuilder::iteration(const Block& block) const {
  if (t.chunks == 1)
    return kernel::block({fill_v(block, 0), each_column_tile(block, [&](const Expr& tile) {
                            return kernel::block(
                                {multiply(block, 0, tile), transform_sums(block, tile)});
                          })});
  return kernel::block(
      {kernel::serial("chunk", number(t.chunks),
                      [&](const Expr& chunk) {
                        return kernel::block(
                            {fill_v(block, chunk), each_column_tile(block, [&](const Expr& tile) {
                               return multiply(block, chunk, tile);
                             })});
                      }),
       each_column_tile(block, [&](const Expr& tile) { return transform_sums(block, tile); })});
}

Launch WinogradBuilder::main(std::vector<std::pair<int, int>>& in_place) const {
  GroupAccess access(group);
  const auto scratch = [](const char* name, DType dtype, int64_t size) {
    return kernel::make_buffer(name, {dtype, 1}, Space::workgroup, size);
  };
  const Buffer b =
      access.packed(0, {problem.product, 1}, t.column_tiles * t.chunks * t.panel(), false);
  const Buffer patch = scratch("patch", DType::f32, t.patch_size());
  const Buffer v = scratch("v", problem.product, t.v_size());
  const Buffer m = scratch("m", DType::f32, t.m_size());
  const Buffer pixels = scratch("pixels", DType::f32, out * out * lanes);
  const Buffer factors = scratch("affine", DType::f32, affine.size());
  const Buffer sums = scratch("moments", DType::f32, BlockMoments::kRows * t.block_n * tile_n);
  affine.define(access, factors);
  const int64_t blocks_h = divide_up(problem.tiles_h(), t.block_h);
  const int64_t blocks_w = divide_up(problem.tiles_w(), t.block_w);
  const auto one = [&](const Expr& batch, const Expr& h, const Expr& w, const Expr& n) {
    const Block block{access,
                      b,
                      patch,
                      v,
                      m,
                      pixels,
                      factors,
                      sums,
                      batch,
                      h * number(t.block_h),
                      w * number(t.block_w),
                      n * number(t.block_n),
                      (batch * number(blocks_h) + h) * number(blocks_w) + w};
    std::vector<Stmt> steps = {iteration(block)};
    std::vector<Buffer> buffers = {pixels, patch, m, v};
    if (!affine.empty()) {
      steps.insert(steps.begin(), affine.compute(access, factors, batch));
      buffers.push_back(factors);
    }
    if (!moments.empty()) {
      steps.push_back(store_moments(block));
      buffers.push_back(sums);
    }
    Stmt body = kernel::block(std::move(steps));
    for (const Buffer& buffer : buffers) body = kernel::allocate(buffer, body);
    return body;
  };
  // Columns outermost: neighbouring iterations share their panels of b.
  const Stmt body =
      kernel::grid("n", number(divide_up(t.column_tiles, t.block_n)), [&](const Expr& n) {
        return kernel::grid("batch", number(g.batch), [&](const Expr& batch) {
          return kernel::grid("h", number(blocks_h), [&](const Expr& h) {
            return kernel::grid("w", number(blocks_w),
                                [&](const Expr& w) { return one(batch, h, w, n); });
          });
        });
      });
  Launch launch = access.launch("winograd", body);
  in_place = access.in_place();
  return launch;
}

bool accepts(const Group& group, const Target& target) {
  return winograd_problem(group, target).has_value();
}

std::vector<Config> space(const Group& group, const Target& target) {
  return winograd_space(*winograd_problem(group, target), target, prologue_cycles(group).all());
}

Estimate estimate(const Group& group, const Target& target, const Config& config) {
  const WinogradProblem problem = *winograd_problem(group, target);
  const WinogradTiling tiling(problem, target, config);
  return {winograd_cycles(problem, target, tiling, prologue_cycles(group).all()),
          tiling.packed_bytes()};
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const WinogradProblem problem = *winograd_problem(group, target);
  const WinogradTiling tiling(problem, target, config);
  if (tiling.micro.registers() > target.vector_registers)
    return error(ErrorCode::invalid_argument,
                 "winograd: a {}x{} register tile needs more than {} vector registers",
                 tiling.micro.tile_m, tiling.micro.tile_v, target.vector_registers);
  if (tiling.tiles() % tiling.micro.tile_m != 0 || tiling.kc % tiling.micro.lanes != 0)
    return error(ErrorCode::invalid_argument,
                 "winograd: {} tiles are no multiple of tile_m {}, or kc {} none of {} lanes",
                 tiling.tiles(), tiling.micro.tile_m, tiling.kc, tiling.micro.lanes);
  const WinogradBuilder builder{group, problem, tiling};
  Program program;
  program.setup.push_back(builder.pack());
  program.packed_bytes.push_back(tiling.packed_bytes());
  program.main.push_back(builder.main(program.in_place));
  const int64_t tiles = problem.g.batch * problem.tiles_h() * problem.tiles_w();
  builder.moments.add_join(program);
  program.executed_flops = 2.0 * static_cast<double>(problem.filter.positions() * tiles) *
                           static_cast<double>(problem.g.channels * problem.g.n);
  return program;
}

int64_t moment_parts(const Group& group, const Target& target, const Config& config) {
  const WinogradProblem problem = *winograd_problem(group, target);
  return moment_parts(problem, WinogradTiling(problem, target, config));
}

}  // namespace

const Schedule kWinograd = {
    "winograd",  "3x3 convolutions of stride 1 with fewer products, in transformed tiles",
    accepts,     space,
    build,       estimate,
    moment_parts};

}  // namespace tempera::lower
