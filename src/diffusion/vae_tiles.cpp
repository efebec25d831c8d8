#include "diffusion/vae_tiles.h"

#include <algorithm>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

constexpr int64_t kOverlap = 8;

int64_t overlap_of(int64_t most) { return std::min(kOverlap, most / 4); }

// One axis of the tiling; extents and starts are elements of the latent.
struct Axis {
  int64_t extent, tile;
  std::vector<int64_t> starts;

  Axis(int64_t extent, int64_t most)
      : extent(extent),
        tile(tile_extent(extent, most)),
        starts(tile_starts(extent, tile, std::min(overlap_of(most), tile - 1))) {}
};

// Of each tile's elements at that scale; at each place their sum is 1.
std::vector<std::vector<float>> weights_of(const Axis& axis, int64_t scale) {
  const int64_t size = axis.tile * scale;
  std::vector<std::vector<float>> weights;
  for (size_t i = 0; i < axis.starts.size(); ++i) {
    const int64_t before = i == 0 ? 0 : axis.starts[i - 1] + axis.tile - axis.starts[i];
    const bool is_last = i + 1 == axis.starts.size();
    const int64_t after = is_last ? 0 : axis.starts[i] + axis.tile - axis.starts[i + 1];
    weights.push_back(fade(size, before * scale, after * scale));
  }
  // Three tiles may meet at a place, where fading in and out alone do not add up to 1.
  std::vector<float> sums(static_cast<size_t>(axis.extent * scale));
  for (size_t i = 0; i < weights.size(); ++i)
    for (int64_t x = 0; x < size; ++x) sums[axis.starts[i] * scale + x] += weights[i][x];
  for (size_t i = 0; i < weights.size(); ++i)
    for (int64_t x = 0; x < size; ++x) weights[i][x] /= sums[axis.starts[i] * scale + x];
  return weights;
}

// A [height, width] window of a plane of `stride` elements a row.
template <typename T>
T* row_of(std::span<T> plane, int64_t stride, int64_t y, int64_t x) {
  return plane.data() + y * stride + x;
}

// `size` elements of an axis of `extent`, from `begin` on.
struct Window {
  int64_t extent, begin, size;
};

void cut(const TiledPlanes& side, const Window& rows, const Window& columns,
         std::span<const float> whole, std::span<float> part) {
  const int64_t s = side.scale, height = rows.size * s, width = columns.size * s;
  for (int64_t c = 0; c < side.channels; ++c)
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(row_of(whole, columns.extent * s, (c * rows.extent + rows.begin) * s + y,
                         columns.begin * s),
                  width, row_of(part, width, c * height + y, 0));
}

void add_faded(const TiledPlanes& side, const Axis& rows, const Axis& columns, int64_t top,
               int64_t left, std::span<const float> down, std::span<const float> across,
               std::span<const float> tile, std::span<float> whole) {
  const int64_t s = side.scale;
  const auto height = static_cast<int64_t>(down.size()),
             width = static_cast<int64_t>(across.size());
  for (int64_t c = 0; c < side.channels; ++c)
    for (int64_t y = 0; y < height; ++y) {
      const float* from = row_of(tile, width, c * height + y, 0);
      float* to = row_of(whole, columns.extent * s, (c * rows.extent + top) * s + y, left * s);
      for (int64_t x = 0; x < width; ++x) to[x] += down[y] * across[x] * from[x];
    }
}

size_t elements(const TiledPlanes& side, int64_t height, int64_t width) {
  return static_cast<size_t>(side.channels * height * width * side.scale * side.scale);
}

// Where tiles lie, and what is cut into them.
struct Source {
  Axis rows, columns;
  std::vector<float> margined;  // with the margin around it, if the picture wraps
  std::span<const float> from;
};

// With kWrapMargin elements of the opposite side around it.
std::vector<float> with_margin(const Tiling& tiling, const TiledPlanes& side,
                               std::span<const float> from) {
  const int64_t height = tiling.height * side.scale, width = tiling.width * side.scale;
  const int64_t margin = kWrapMargin * side.scale;
  const auto wrap = [](int64_t at, int64_t extent) { return (at % extent + extent) % extent; };
  std::vector<float> around;
  around.reserve(elements(side, tiling.height + 2 * kWrapMargin, tiling.width + 2 * kWrapMargin));
  for (int64_t c = 0; c < side.channels; ++c)
    for (int64_t y = -margin; y < height + margin; ++y)
      for (int64_t x = -margin; x < width + margin; ++x)
        around.push_back(from[(c * height + wrap(y, height)) * width + wrap(x, width)]);
  return around;
}

Source source_of(const Tiling& tiling, const TiledPlanes& in, std::span<const float> from) {
  const int64_t margin = tiling.wraps ? 2 * kWrapMargin : 0;
  Source result{.rows = Axis(tiling.height + margin, tiling.tile),
                .columns = Axis(tiling.width + margin, tiling.tile),
                .margined = {},
                .from = from};
  if (!tiling.wraps) return result;
  result.margined = with_margin(tiling, in, from);
  result.from = result.margined;
  return result;
}

using PlacedVisitor = std::function<Status(size_t row, size_t column, std::span<const float> tile)>;

Status visit(const Source& source, const TiledPlanes& in, const PlacedVisitor& visitor) {
  const auto& [rows, columns, margined, from] = source;
  std::vector<float> part(elements(in, rows.tile, columns.tile));
  for (size_t row = 0; row < rows.starts.size(); ++row)
    for (size_t column = 0; column < columns.starts.size(); ++column) {
      cut(in, {rows.extent, rows.starts[row], rows.tile},
          {columns.extent, columns.starts[column], columns.tile}, from, part);
      TRY(visitor(row, column, part));
    }
  return {};
}

Status apply_to(const Source& source, const TiledPlanes& in, const TiledPlanes& out,
                const TileFunction& apply, std::span<float> to) {
  const Axis &rows = source.rows, &columns = source.columns;
  const auto down = weights_of(rows, out.scale), across = weights_of(columns, out.scale);
  std::vector<float> applied(elements(out, rows.tile, columns.tile));
  std::ranges::fill(to, 0.0F);
  return visit(source, in, [&](size_t row, size_t column, std::span<const float> tile) -> Status {
    TRY(apply(tile, applied));
    add_faded(out, rows, columns, rows.starts[row], columns.starts[column], down[row],
              across[column], applied, to);
    return {};
  });
}

}  // namespace

int64_t tile_extent(int64_t extent, int64_t most) {
  if (most >= extent) return extent;
  const int64_t overlap = overlap_of(most);
  const int64_t steps = (extent - overlap + most - overlap - 1) / (most - overlap);
  const int64_t shortest = (extent + (steps - 1) * overlap + steps - 1) / steps;
  const int64_t rounded = (shortest + 3) / 4 * 4;
  return rounded <= most ? rounded : shortest;
}

std::vector<int64_t> tile_starts(int64_t extent, int64_t tile, int64_t overlap) {
  CHECK(0 <= overlap && overlap < tile, "tiles of {} that overlap by {}", tile, overlap);
  if (tile >= extent) return {0};
  const int64_t step = tile - overlap;
  const int64_t steps = (extent - tile + step - 1) / step;
  std::vector<int64_t> starts;
  for (int64_t i = 0; i <= steps; ++i) starts.push_back(i * (extent - tile) / steps);
  return starts;
}

std::vector<float> fade(int64_t pixels, int64_t before, int64_t after) {
  std::vector<float> weights(static_cast<size_t>(pixels), 1.0F);
  const auto rising = [](int64_t i, int64_t length) {
    const auto half = static_cast<float>(length) / 2;
    return std::clamp((static_cast<float>(i) + 0.5F) / half - 0.5F, 0.0F, 1.0F);
  };
  for (int64_t i = 0; i < before; ++i) weights[i] = rising(i, before);
  for (int64_t i = 0; i < after; ++i) weights[pixels - 1 - i] *= rising(i, after);
  return weights;
}

Status visit_tiles(const Tiling& tiling, const TiledPlanes& in, std::span<const float> from,
                   const TileVisitor& visitor) {
  return visit(source_of(tiling, in, from), in,
               [&](size_t, size_t, std::span<const float> tile) { return visitor(tile); });
}

Status apply_tiles(const Tiling& tiling, const TiledPlanes& in, const TiledPlanes& out,
                   std::span<const float> from, const TileFunction& apply, std::span<float> to) {
  const Source source = source_of(tiling, in, from);
  if (!tiling.wraps) return apply_to(source, in, out, apply, to);
  const Axis &rows = source.rows, &columns = source.columns;
  std::vector<float> applied(elements(out, rows.extent, columns.extent));
  TRY(apply_to(source, in, out, apply, applied));
  cut(out, {rows.extent, kWrapMargin, tiling.height}, {columns.extent, kWrapMargin, tiling.width},
      applied, to);
  return {};
}

}  // namespace tempera::diffusion
