#include "lower/schedules/contraction.h"

#include "lower/group_access.h"
#include "lower/schedules/contraction_geometry.h"
#include "lower/schedules/contraction_space.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

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

Expr within(const Expr& index, int64_t extent) {
  return Expr(-1) < index && index < number(extent);
}

// One build: the geometry and tiling with what the parts of the kernel share.
struct ContractionBuilder {
  const Group& group;
  const ContractionGeometry& g;
  const ContractionTiling& t;

  const int64_t chunks = t.chunks(g);
  const int64_t column_tiles = t.column_tiles(g);
  const int64_t panel =
      g.taps() * t.kc * t.tile_n();  // b of one column tile and chunk, in elements
  const int64_t packed_size = g.b_batch * column_tiles * chunks * panel;
  const Type vector{DType::f32, static_cast<int>(t.lanes)};

  // A mask for `lanes` consecutive indices from `first`, undefined where all are below `extent`
  // anyway.
  Expr tail_mask(const Expr& indices, int64_t extent, int64_t step) const {
    if (extent % step == 0) return {};
    return indices < kernel::broadcast(number(extent), static_cast<int>(t.lanes));
  }
  Expr lanes_from(const Expr& first) const {
    return kernel::ramp(first, 1, static_cast<int>(t.lanes));
  }
  Expr channel_mask(const Expr& channels) const {
    if (g.channels % t.lanes == 0 && g.channels % t.kc == 0) return {};
    return channels < kernel::broadcast(number(g.channels), static_cast<int>(t.lanes));
  }
  Expr zeros() const { return kernel::constant(vector, 0); }

  Launch pack() const;
  Launch main(std::vector<std::pair<int, int>>& in_place) const;

 private:
  struct Block {  // one grid iteration of the main kernel
    GroupAccess& access;
    Buffer b, patch, sums;
    Expr batch, block_h, block_w, block_n;
  };
  struct Panel {  // one grid iteration of the packing kernel
    GroupAccess& access;
    Buffer packed;
    Expr batch, tile, chunk;
  };
  Stmt each_tap(const std::function<Stmt(Expr, Expr)>& body) const;
  Expr b_lanes(const Panel& p, const Index& index, const Expr& mask) const;
  Expr packed_row(const Panel& p, const Expr& tap, const Expr& k) const;
  Stmt pack_by_columns(const Panel& p) const;
  Stmt pack_by_channels(const Panel& p) const;
  Stmt stage_patch(const Block& block, const Expr& chunk) const;
  Stmt column_tile(const Block& block, const Expr& chunk, const Expr& tile) const;
  Stmt register_tile(const Block& block, const Expr& chunk, const Expr& tile, const Expr& row,
                     const Expr& tile_w) const;
  Stmt multiply(const Block& block, const Expr& chunk, const Expr& tile, const Expr& row,
                const Expr& tile_w, const Buffer& accumulators) const;
  Stmt epilogue(const Block& block, const Expr& tile, const Expr& row, const Expr& tile_w) const;
  Expr sums_index(const Expr& tile, const Expr& row, const Expr& tile_w, const Expr& m,
                  const Expr& v) const;
};

// [batch][column tile][chunk][tap][channel][column in tile], zeros past the last channel and
// column.
Launch ContractionBuilder::pack() const {
  GroupAccess access(group);
  const Buffer packed = g.b_is_weight ? access.packed(0, {DType::f32, 1}, packed_size, true)
                                      : access.temporary(0, {DType::f32, 1}, packed_size, true);
  // Dimension 0 of a convolution's weight is the column; a matmul's b has it last.
  const int column_dimension = g.is_conv ? 0 : static_cast<int>(g.b_shape.size()) - 1;
  const bool by_columns =
      is_contiguous_along(group, g.b, column_dimension, static_cast<int>(t.lanes));
  const Stmt body = kernel::grid("b", number(g.b_batch), [&](const Expr& b) {
    return kernel::grid("tile", number(column_tiles), [&](const Expr& tile) {
      return kernel::grid("chunk", number(chunks), [&](const Expr& chunk) {
        const Panel place{access, packed, b, tile, chunk};
        return by_columns ? pack_by_columns(place) : pack_by_channels(place);
      });
    });
  });
  return access.launch("pack", body);
}

Stmt ContractionBuilder::each_tap(const std::function<Stmt(Expr, Expr)>& body) const {
  return kernel::serial("tap_h", number(g.taps_h), [&](const Expr& h) {
    return kernel::serial("tap_w", number(g.taps_w), [&](const Expr& w) { return body(h, w); });
  });
}

// Lanes of b as f32, zeros where the mask is off; `mask` may be undefined.
Expr ContractionBuilder::b_lanes(const Panel& p, const Index& index, const Expr& mask) const {
  Expr value = kernel::cast(DType::f32, p.access.value_at(g.b, index, mask));
  if (value->type.lanes == 1) value = kernel::broadcast(value, static_cast<int>(t.lanes));
  return mask.defined() ? kernel::select(mask, value, zeros()) : value;
}

// The first of the places in `packed` of a tap's channel.
Expr ContractionBuilder::packed_row(const Panel& p, const Expr& tap, const Expr& k) const {
  const Expr panel_at = (p.batch * number(column_tiles) + p.tile) * number(chunks) + p.chunk;
  return ((panel_at * number(g.taps()) + tap) * number(t.kc) + k) * number(t.tile_n());
}

// Memory runs along columns: lanes read and write them.
Stmt ContractionBuilder::pack_by_columns(const Panel& p) const {
  return each_tap([&](const Expr& h, const Expr& w) {
    return kernel::serial("k", number(t.kc), [&](const Expr& k) {
      return kernel::serial("v", number(t.tile_v), [&](const Expr& v) {
        const Expr channel = p.chunk * number(t.kc) + k;
        const Expr columns = lanes_from(p.tile * number(t.tile_n()) + v * number(t.lanes));
        Expr mask = tail_mask(columns, g.n, t.tile_n());
        if (g.channels % t.kc != 0) {
          const Expr inside =
              kernel::broadcast(channel < number(g.channels), static_cast<int>(t.lanes));
          mask = mask.defined() ? mask && inside : inside;
        }
        const Expr row = packed_row(p, h * number(g.taps_w) + w, k);
        return kernel::store(p.packed, lanes_from(row + v * number(t.lanes)),
                             b_lanes(p, g.b_index(p.batch, h, w, channel, columns), mask));
      });
    });
  });
}

// Memory runs along channels: each column of the panel is read along them into scratch, which is
// then read across. Reading memory across would touch as many pages as there are columns.
Stmt ContractionBuilder::pack_by_channels(const Panel& p) const {
  const int64_t vectors = divide_up(t.kc, t.lanes);
  const int64_t row = g.taps() * vectors * t.lanes + t.lanes;
  const Buffer rows =
      kernel::make_buffer("rows", {DType::f32, 1}, Space::workgroup, t.tile_n() * row);
  const Stmt read = kernel::serial("n", number(t.tile_n()), [&](const Expr& n) {
    const Expr column = p.tile * number(t.tile_n()) + n;
    const auto fill = [&](bool inside) {
      return each_tap([&](const Expr& h, const Expr& w) {
        return kernel::serial("kv", number(vectors), [&](const Expr& kv) {
          const Expr channels = lanes_from(p.chunk * number(t.kc) + kv * number(t.lanes));
          const Expr tap = h * number(g.taps_w) + w;
          const Expr at = (tap * number(vectors) + kv) * number(t.lanes);
          const Expr value = inside ? b_lanes(p, g.b_index(p.batch, h, w, channels, column),
                                              channel_mask(channels))
                                    : zeros();
          return kernel::store(rows, lanes_from(n * number(row) + at), value);
        });
      });
    };
    if (g.n % t.tile_n() == 0) return fill(true);
    return kernel::branch(column < number(g.n), fill(true), fill(false));
  });
  const Stmt write = kernel::serial("tap", number(g.taps()), [&](const Expr& tap) {
    return kernel::serial("k", number(t.kc), [&](const Expr& k) {
      return kernel::serial("v", number(t.tile_v), [&](const Expr& v) {
        const Expr first = v * number(t.lanes * row) + tap * number(vectors * t.lanes) + k;
        const Expr across = kernel::ramp(first, number(row), static_cast<int>(t.lanes));
        const Expr at = packed_row(p, tap, k) + v * number(t.lanes);
        return kernel::store(p.packed, lanes_from(at), kernel::load(rows, across));
      });
    });
  });
  return kernel::allocate(rows, kernel::block({read, write}));
}

Stmt ContractionBuilder::stage_patch(const Block& block, const Expr& chunk) const {
  const int64_t vectors = divide_up(t.kc, t.lanes);
  return kernel::serial("ph", number(t.patch_h(g)), [&](const Expr& ph) {
    return kernel::serial("pw", number(t.patch_w(g)), [&](const Expr& pw) {
      const Expr h = block.block_h * number(t.block_h * g.stride_h) + ph - number(g.pad_h);
      const Expr w = block.block_w * number(t.block_w * g.stride_w) + pw - number(g.pad_w);
      const Expr place = (ph * number(t.patch_w(g)) + pw) * number(t.patch_stride());
      const auto fill = [&](bool inside) {
        return kernel::serial("kv", number(vectors), [&](const Expr& kv) {
          const Expr at = lanes_from(place + kv * number(t.lanes));
          if (!inside) return kernel::store(block.patch, at, zeros());
          const Expr channels = lanes_from(chunk * number(t.kc) + kv * number(t.lanes));
          const Expr mask = channel_mask(channels);
          Expr value = kernel::cast(
              DType::f32, block.access.value_at(g.a, g.a_index(block.batch, h, w, channels), mask));
          if (value->type.lanes == 1) value = kernel::broadcast(value, static_cast<int>(t.lanes));
          if (mask.defined()) value = kernel::select(mask, value, zeros());
          return kernel::store(block.patch, at, value);
        });
      };
      return kernel::branch(within(h, g.in_h) && within(w, g.in_w), fill(true), fill(false));
    });
  });
}

// Where the sum of pixel m, vector v of a register tile waits, as an index of the scratch's f32
// elements.
Expr ContractionBuilder::sums_index(const Expr& tile, const Expr& row, const Expr& tile_w,
                                    const Expr& m, const Expr& v) const {
  Expr pixel = m;
  if (chunks > 1)
    pixel =
        ((tile * number(t.block_h) + row) * number(t.tiles_w()) + tile_w) * number(t.tile_m) + m;
  return lanes_from((pixel * number(t.tile_v) + v) * number(t.lanes));
}

Stmt ContractionBuilder::multiply(const Block& block, const Expr& chunk, const Expr& tile,
                                  const Expr& row, const Expr& tile_w,
                                  const Buffer& accumulators) const {
  const Expr b_batch = g.b_batch == 1 ? Expr(0) : block.batch;
  const Expr column_tile = block.block_n * number(t.block_n) + tile;
  const Expr b_panel =
      ((b_batch * number(column_tiles) + column_tile) * number(chunks) + chunk) * number(panel);
  const auto products = [&](const Expr& h, const Expr& w, const Expr& k) {
    const Expr b_row =
        b_panel + ((h * number(g.taps_w) + w) * number(t.kc) + k) * number(t.tile_n());
    const Expr pixel =
        (row * number(g.stride_h) + h * number(g.dilation_h)) * number(t.patch_w(g)) +
        tile_w * number(t.tile_m * g.stride_w) + w * number(g.dilation_w);
    const Expr a_first = pixel * number(t.patch_stride()) + k;
    // Nested lets: the vectors of b, then for each pixel its broadcast and the products.
    std::vector<Expr> b_vectors;
    std::vector<Stmt> body;
    for (int64_t v = 0; v < t.tile_v; ++v)
      b_vectors.push_back(kernel::variable(fmt::format("b{}", v), vector));
    for (int64_t m = 0; m < t.tile_m; ++m) {
      const Expr a = kernel::variable(fmt::format("a{}", m), {DType::f32, 1});
      std::vector<Stmt> row_body;
      for (int64_t v = 0; v < t.tile_v; ++v) {
        const Expr at = number(m * t.tile_v + v);
        row_body.push_back(
            kernel::store(accumulators, at,
                          kernel::fma(kernel::broadcast(a, static_cast<int>(t.lanes)), b_vectors[v],
                                      kernel::load(accumulators, at))));
      }
      const Expr a_at = a_first + number(m * g.stride_w * t.patch_stride());
      body.push_back(
          kernel::let(a, kernel::load(block.patch, a_at), kernel::block(std::move(row_body))));
    }
    Stmt result = kernel::block(std::move(body));
    for (int64_t v = t.tile_v; v-- > 0;)
      result = kernel::let(b_vectors[v],
                           kernel::load(block.b, lanes_from(b_row + number(v * t.lanes))), result);
    return result;
  };
  return each_tap([&](const Expr& h, const Expr& w) {
    return kernel::serial("k", number(t.kc), [&](const Expr& k) { return products(h, w, k); });
  });
}

Stmt ContractionBuilder::epilogue(const Block& block, const Expr& tile, const Expr& row,
                                  const Expr& tile_w) const {
  const Expr out_row = block.block_h * number(t.block_h) + row;
  return kernel::serial("m", number(t.tile_m), [&](const Expr& m) {
    const Expr in_block = tile_w * number(t.tile_m) + m;
    const Expr col = block.block_w * number(t.block_w) + in_block;
    const Expr inside = in_block < number(t.block_w) && col < number(g.cols);
    const Stmt stores = kernel::serial("v", number(t.tile_v), [&](const Expr& v) {
      const Expr columns = lanes_from(
          (block.block_n * number(t.block_n) + tile) * number(t.tile_n()) + v * number(t.lanes));
      const Expr mask = tail_mask(columns, g.n, t.tile_n());
      Expr sum = kernel::load(block.sums, sums_index(tile, row, tile_w, m, v));
      if (g.bias != kAbsent)
        sum = sum + kernel::cast(DType::f32, block.access.value_at(g.bias, {columns}, mask));
      const DType result = group.body.value(group.body.node(group.anchor).outputs[0]).dtype;
      return block.access.store_results(g.out_index(block.batch, out_row, col, columns),
                                        {kernel::cast(result, sum)}, mask);
    });
    return kernel::branch(inside, stores);
  });
}

Stmt ContractionBuilder::register_tile(const Block& block, const Expr& chunk, const Expr& tile,
                                       const Expr& row, const Expr& tile_w) const {
  const Buffer accumulators =
      kernel::make_buffer("acc", vector, Space::registers, t.tile_m * t.tile_v);
  const auto each = [&](const std::function<Stmt(Expr, Expr, Expr)>& body) {
    return kernel::unrolled("m", t.tile_m, [&](const Expr& m) {
      return kernel::unrolled("v", t.tile_v,
                              [&](const Expr& v) { return body(m, v, m * number(t.tile_v) + v); });
    });
  };
  const Stmt clear = each([&](const Expr&, const Expr&, const Expr& at) {
    return kernel::store(accumulators, at, zeros());
  });
  const Stmt resume = each([&](const Expr& m, const Expr& v, const Expr& at) {
    return kernel::store(accumulators, at,
                         kernel::load(block.sums, sums_index(tile, row, tile_w, m, v)));
  });
  const Stmt keep = each([&](const Expr& m, const Expr& v, const Expr& at) {
    return kernel::store(block.sums, sums_index(tile, row, tile_w, m, v),
                         kernel::load(accumulators, at));
  });
  const Stmt start = chunks == 1 ? clear : kernel::branch(chunk == Expr(0), clear, resume);
  const Stmt finish = epilogue(block, tile, row, tile_w);
  return kernel::block(
      {kernel::allocate(
           accumulators,
           kernel::block({start, multiply(block, chunk, tile, row, tile_w, accumulators), keep})),
       chunks == 1 ? finish : kernel::branch(chunk == number(chunks - 1), finish)});
}

Stmt ContractionBuilder::column_tile(const Block& block, const Expr& chunk,
                                     const Expr& tile) const {
  const Stmt rows = kernel::serial("row", number(t.block_h), [&](const Expr& row) {
    const Stmt tiles = kernel::serial("tile_w", number(t.tiles_w()), [&](const Expr& tile_w) {
      const Expr col = block.block_w * number(t.block_w) + tile_w * number(t.tile_m);
      return kernel::branch(col < number(g.cols), register_tile(block, chunk, tile, row, tile_w));
    });
    return kernel::branch(block.block_h * number(t.block_h) + row < number(g.rows), tiles);
  });
  return kernel::branch(block.block_n * number(t.block_n) + tile < number(column_tiles), rows);
}

Launch ContractionBuilder::main(std::vector<std::pair<int, int>>& in_place) const {
  GroupAccess access(group);
  const Buffer b = g.b_is_weight ? access.packed(0, {DType::f32, 1}, packed_size, false)
                                 : access.temporary(0, {DType::f32, 1}, packed_size, false);
  const Buffer patch =
      kernel::make_buffer("patch", {DType::f32, 1}, Space::workgroup, t.patch_size(g));
  const Buffer sums =
      kernel::make_buffer("sums", {DType::f32, 1}, Space::workgroup, t.sums_size(g));
  const auto iteration = [&](const Expr& batch, const Expr& h, const Expr& w, const Expr& n) {
    const Block block{access, b, patch, sums, batch, h, w, n};
    const Stmt body = kernel::serial("chunk", number(chunks), [&](const Expr& chunk) {
      return kernel::block({stage_patch(block, chunk),
                            kernel::serial("tile", number(t.block_n), [&](const Expr& tile) {
                              return column_tile(block, chunk, tile);
                            })});
    });
    return kernel::allocate(patch, kernel::allocate(sums, body));
  };
  // Columns outermost: neighbouring iterations share a panel of b, the larger of the two operands
  // where it matters.
  const Stmt body =
      kernel::grid("n", number(divide_up(column_tiles, t.block_n)), [&](const Expr& n) {
        return kernel::grid("batch", number(g.batch), [&](const Expr& batch) {
          return kernel::grid("h", number(divide_up(g.rows, t.block_h)), [&](const Expr& h) {
            return kernel::grid("w", number(divide_up(g.cols, t.block_w)),
                                [&](const Expr& w) { return iteration(batch, h, w, n); });
          });
        });
      });
  Launch launch = access.launch("contraction", body);
  in_place = access.in_place();
  return launch;
}

// Cycles a vector of the work on the way into the patch: enough to weigh restaging against larger
// column blocks.
double prologue_cycles(const Group& group) {
  double cycles = 0;
  for (const graph::Node& node : group.body.nodes()) {
    if (&node == &group.body.node(group.anchor)) break;
    if (group.body.value(node.outputs[0]).rate <= graph::Rate::load) continue;
    if (graph::row(node.op).op_class == graph::OpClass::elementwise)
      cycles += node.op == graph::Op::silu || node.op == graph::Op::gelu ? 25 : 2;
  }
  return cycles;
}

bool accepts(const Group& group, const Target&) { return contraction_geometry(group).has_value(); }

std::vector<Config> space(const Group& group, const Target& target) {
  const ContractionGeometry g = *contraction_geometry(group);
  return contraction_space(g, target, prologue_cycles(group));
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const ContractionGeometry g = *contraction_geometry(group);
  const ContractionTiling tiling(target, config);
  if (tiling.tile_m * tiling.tile_v + tiling.tile_v + 1 > target.vector_registers)
    return error(ErrorCode::invalid_argument,
                 "contraction: a {}x{} register tile needs more than {} vector registers",
                 tiling.tile_m, tiling.tile_v, target.vector_registers);
  const ContractionBuilder builder{group, g, tiling};
  Program program;
  (g.b_is_weight ? program.setup : program.main).push_back(builder.pack());
  (g.b_is_weight ? program.packed_bytes : program.temporary_bytes)
      .push_back(builder.packed_size * 4);
  program.main.push_back(builder.main(program.in_place));
  return program;
}

}  // namespace

const Schedule kContraction = {"contraction",
                               "implicit GEMM from a staged input patch and packed b; for every "
                               "matmul and 1-D or 2-D convolution",
                               accepts, space, build};

}  // namespace tempera::lower
