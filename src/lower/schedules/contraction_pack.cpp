#include "lower/schedules/contraction_pack.h"

#include "lower/schedules/accumulator.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Expr;
using kernel::Space;
using kernel::Stmt;

namespace {

struct Packer {
  const Group& group;
  const ContractionGeometry& g;
  const ContractionTiling& t;

  const DType stored = t.kernel.stored;
  const int lanes = static_cast<int>(t.lanes);
  const int64_t pair = t.kernel.pair();
  const int64_t chunks = t.chunks(g);
  const int64_t column_tiles = t.column_tiles(g);

  Launch values() const;
  Launch scales() const;

 private:
  struct Panel {  // one grid iteration
    GroupAccess& access;
    Buffer packed;
    Expr batch, tile, chunk;
  };
  Stmt each_panel(const std::function<Stmt(Expr, Expr, Expr)>& body) const;
  Stmt each_tap(const std::function<Stmt(Expr, Expr)>& body) const;
  Expr lanes_from(const Expr& first) const { return kernel::ramp(first, 1, lanes); }
  Expr zeros() const { return kernel::constant({stored, lanes}, 0); }
  Expr elements(const Panel& p, const Index& index, const Expr& mask) const;
  Expr packed_row(const Panel& p, const Expr& tap, const Expr& k) const;
  Stmt by_columns(const Panel& p) const;
  Stmt by_channels(const Panel& p) const;
};

Stmt Packer::each_panel(const std::function<Stmt(Expr, Expr, Expr)>& body) const {
  return kernel::grid("b", number(g.b_batch), [&](const Expr& b) {
    return kernel::grid("tile", number(column_tiles), [&](const Expr& tile) {
      return kernel::grid("chunk", number(chunks),
                          [&](const Expr& chunk) { return body(b, tile, chunk); });
    });
  });
}

Stmt Packer::each_tap(const std::function<Stmt(Expr, Expr)>& body) const {
  return kernel::serial("tap_h", number(g.taps_h), [&](const Expr& h) {
    return kernel::serial("tap_w", number(g.taps_w), [&](const Expr& w) { return body(h, w); });
  });
}

// Lanes of b as they are stored, zeros where the mask is off; `mask` may be undefined.
Expr Packer::elements(const Panel& p, const Index& index, const Expr& mask) const {
  const Expr value = g.quantized ? p.access.value_at(g.quantized->values,
                                                     quantized_index(group.body, g, index), mask)
                                 : p.access.value_at(g.b, index, mask);
  return filled(value, {stored, lanes}, mask);
}

// The first of the places of channel k of a tap.
Expr Packer::packed_row(const Panel& p, const Expr& tap, const Expr& k) const {
  return packed_panel(g, t, p.batch, p.tile, p.chunk) +
         (tap * number(t.kc) + k) * number(t.tile_n());
}

// Memory runs along columns: lanes read and write them.
Stmt Packer::by_columns(const Panel& p) const {
  return each_tap([&](const Expr& h, const Expr& w) {
    return kernel::serial("k", number(t.kc / pair), [&](const Expr& step) {
      return kernel::serial("v", number(t.vectors()), [&](const Expr& v) {
        const Expr k = step * number(pair);
        const Expr columns = lanes_from(t.column(g, p.tile, v * number(t.lanes)));
        const auto vector = [&](int64_t i) {
          const Expr channel = p.chunk * number(t.kc) + k + number(i);
          Expr mask = t.place_mask(g, p.tile, v * number(t.lanes));
          if (g.channels % t.kc != 0) {
            const Expr inside = kernel::broadcast(channel < number(g.channels), lanes);
            mask = mask.defined() ? mask && inside : inside;
          }
          return elements(p, g.b_index(p.batch, h, w, channel, columns), mask);
        };
        const Expr row = packed_row(p, h * number(g.taps_w) + w, k);
        return t.kernel.store_b(p.packed, row + v * number(pair * t.lanes), vector);
      });
    });
  });
}

// Memory runs along channels: each column of the panel is read along them into scratch, which is
// then read across. Reading memory across would touch as many pages as there are columns.
Stmt Packer::by_channels(const Panel& p) const {
  const int64_t vectors = divide_up(t.kc, t.lanes);
  const int64_t row = g.taps() * vectors * t.lanes + t.lanes;
  const Buffer rows = kernel::make_buffer("rows", {stored, 1}, Space::workgroup, t.tile_n() * row);
  const Stmt read = kernel::serial("n", number(t.tile_n()), [&](const Expr& n) {
    const Expr column = t.column(g, p.tile, n);
    const auto fill = [&](bool inside) {
      return each_tap([&](const Expr& h, const Expr& w) {
        return kernel::serial("kv", number(vectors), [&](const Expr& kv) {
          const Expr channels = lanes_from(p.chunk * number(t.kc) + kv * number(t.lanes));
          const Expr tap = h * number(g.taps_w) + w;
          const Expr at = (tap * number(vectors) + kv) * number(t.lanes);
          const Expr place = lanes_from(n * number(row) + at);
          if (!inside) return kernel::store(rows, place, zeros());
          const Index index = g.b_index(p.batch, h, w, channels, column);
          return p.access.each_piece(g.b, index, [&] {
            return kernel::store(rows, place, elements(p, index, t.channel_mask(g, channels)));
          });
        });
      });
    };
    if (t.is_whole(g)) return fill(true);
    const Expr inside = t.place_in_part(g, p.tile, n) < number(g.n / g.parts);
    return kernel::branch(inside, fill(true), fill(false));
  });
  const Stmt write = kernel::serial("tap", number(g.taps()), [&](const Expr& tap) {
    return kernel::serial("k", number(t.kc / pair), [&](const Expr& step) {
      return kernel::serial("v", number(t.vectors()), [&](const Expr& v) {
        const Expr k = step * number(pair);
        const Expr first = v * number(t.lanes * row) + tap * number(vectors * t.lanes) + k;
        const Expr to = packed_row(p, tap, k) + v * number(pair * t.lanes);
        return t.kernel.store_b(p.packed, to, [&](int64_t i) {
          return kernel::load(rows, kernel::ramp(first + number(i), number(row), lanes));
        });
      });
    });
  });
  return kernel::allocate(rows, kernel::block({read, write}));
}

Launch Packer::values() const {
  GroupAccess access(group);
  const Buffer packed = packed_values(access, g, t, true);
  const bool along_columns = is_contiguous_along(group, g.b, g.b_column_dimension(), lanes);
  const Stmt body = each_panel([&](const Expr& b, const Expr& tile, const Expr& chunk) {
    const Panel place{access, packed, b, tile, chunk};
    return along_columns ? by_columns(place) : by_channels(place);
  });
  return access.launch("pack", body);
}

// A scale for each block of channels and column.
Launch Packer::scales() const {
  GroupAccess access(group);
  const Buffer packed = packed_scales(access, g, t, true);
  const int64_t blocks = t.kc / g.quantized->block;
  const auto one = [&](const Expr& b, const Expr& tile, const Expr& chunk, const Expr& h,
                       const Expr& w) {
    const Expr panel = (b * number(column_tiles) + tile) * number(chunks) + chunk;
    return kernel::serial("block", number(blocks), [&](const Expr& block) {
      return kernel::serial("n", number(t.tile_n()), [&](const Expr& n) {
        const Expr column = kernel::min(t.column(g, tile, n), number(g.n - 1));
        const Expr channel = kernel::min(chunk * number(t.kc) + block * number(g.quantized->block),
                                         number(g.channels - 1));
        const Index index = quantized_index(group.body, g, g.b_index(b, h, w, channel, column));
        const Expr tap = h * number(g.taps_w) + w;
        const Expr at =
            ((panel * number(g.taps()) + tap) * number(blocks) + block) * number(t.tile_n()) + n;
        return kernel::store(packed, at,
                             kernel::cast(DType::f32, access.value_at(g.quantized->scale, index)));
      });
    });
  };
  const Stmt body = each_panel([&](const Expr& b, const Expr& tile, const Expr& chunk) {
    return each_tap([&](const Expr& h, const Expr& w) { return one(b, tile, chunk, h, w); });
  });
  return access.launch("pack_scales", body);
}

int64_t scales_size(const ContractionGeometry& g, const ContractionTiling& t) {
  return t.packed_size(g) / g.quantized->block;
}

}  // namespace

Buffer packed_values(GroupAccess& access, const ContractionGeometry& g, const ContractionTiling& t,
                     bool written) {
  const kernel::Type type{t.kernel.stored, 1};
  return g.b_is_weight ? access.packed(0, type, t.packed_size(g), written)
                       : access.temporary(0, type, t.packed_size(g), written);
}

Buffer packed_scales(GroupAccess& access, const ContractionGeometry& g, const ContractionTiling& t,
                     bool written) {
  return access.packed(1, {DType::f32, 1}, scales_size(g, t), written);
}

void pack_b(const Group& group, const ContractionGeometry& g, const ContractionTiling& t,
            Program& program) {
  const Packer packer{group, g, t};
  const int64_t bytes = t.packed_size(g) * size_in_bytes(t.kernel.stored);
  if (!g.b_is_weight) {
    program.main.push_back(packer.values());
    program.temporary_bytes.push_back(bytes);
    return;
  }
  program.setup.push_back(packer.values());
  program.packed_bytes.push_back(bytes);
  if (!g.quantized) return;
  program.setup.push_back(packer.scales());
  program.packed_bytes.push_back(scales_size(g, t) * size_in_bytes(DType::f32));
}

Expr packed_panel(const ContractionGeometry& g, const ContractionTiling& t, const Expr& batch,
                  const Expr& tile, const Expr& chunk) {
  const Expr b = g.b_entry(batch);
  const Expr panel = (b * number(t.column_tiles(g)) + tile) * number(t.chunks(g)) + chunk;
  return panel * number(t.panel_size(g));
}

Stmt widen_panel(GroupAccess& access, const ContractionGeometry& g, const ContractionTiling& t,
                 const Expr& panel, const Buffer& scratch) {
  const Buffer values = packed_values(access, g, t);
  const Buffer scales = packed_scales(access, g, t);
  const int64_t block = g.quantized->block;
  const auto width = static_cast<int>(t.kernel.pair() * t.lanes);
  const int64_t steps = block / t.kernel.pair();
  return kernel::serial("block", number(g.taps() * t.kc / block), [&](const Expr& i) {
    return kernel::serial("v", number(t.vectors()), [&](const Expr& v) {
      const Expr scale_at = panel / number(block) + i * number(t.tile_n()) + v * number(t.lanes);
      Expr scale = kernel::load(scales, kernel::ramp(scale_at, 1, static_cast<int>(t.lanes)));
      if (t.kernel.pair() == 2) scale = kernel::call(kernel::Intrinsic::interleave, {scale, scale});
      return kernel::let_in("scale", scale, [&](const Expr& s) {
        return kernel::serial("k", number(steps), [&](const Expr& k) {
          const Expr at = (i * number(block) + k * number(t.kernel.pair())) * number(t.tile_n()) +
                          v * number(width);
          const Expr q = kernel::load(values, kernel::ramp(panel + at, 1, width));
          return kernel::store(scratch, kernel::ramp(at, 1, width),
                               kernel::cast(t.kernel.dtype, kernel::cast(DType::f32, q) * s));
        });
      });
    });
  });
}

}  // namespace tempera::lower
