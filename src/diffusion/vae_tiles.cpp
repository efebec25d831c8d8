#include "diffusion/vae_tiles.h"

#include <algorithm>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

// What a tile is cut from or added to: `scale` elements for one of the latent, along each side.
struct Side {
  int64_t channels, scale;
};

// One axis of the tiling; extents and starts are elements of the latent.
struct Axis {
  int64_t extent, tile;
  std::vector<int64_t> starts;

  Axis(int64_t extent, int64_t wanted)
      : extent(extent),
        tile(std::min(wanted, extent)),
        starts(tile_starts(extent, tile, tile / 4)) {}
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

void cut(const Side& side, const Axis& rows, const Axis& columns, int64_t top, int64_t left,
         std::span<const float> whole, std::span<float> tile) {
  const int64_t s = side.scale, height = rows.tile * s, width = columns.tile * s;
  for (int64_t c = 0; c < side.channels; ++c)
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(row_of(whole, columns.extent * s, (c * rows.extent + top) * s + y, left * s),
                  width, row_of(tile, width, c * height + y, 0));
}

void add_faded(const Side& side, const Axis& rows, const Axis& columns, int64_t top, int64_t left,
               std::span<const float> down, std::span<const float> across,
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

size_t elements(const Side& side, int64_t height, int64_t width) {
  return static_cast<size_t>(side.channels * height * width * side.scale * side.scale);
}

struct Size {
  int64_t height, width;  // elements of the latent
};

Status apply_tiles(const Size& size, int64_t tile, const Side& in, const Side& out,
                   std::span<const float> from, const TileFunction& apply, std::span<float> to) {
  const Axis rows(size.height, tile), columns(size.width, tile);
  const auto down = weights_of(rows, out.scale), across = weights_of(columns, out.scale);
  std::vector<float> part(elements(in, rows.tile, columns.tile));
  std::vector<float> applied(elements(out, rows.tile, columns.tile));
  std::ranges::fill(to, 0.0F);
  for (size_t row = 0; row < rows.starts.size(); ++row)
    for (size_t column = 0; column < columns.starts.size(); ++column) {
      const int64_t top = rows.starts[row], left = columns.starts[column];
      cut(in, rows, columns, top, left, from, part);
      TRY(apply(part, applied));
      add_faded(out, rows, columns, top, left, down[row], across[column], applied, to);
    }
  return {};
}

// With kWrapMargin elements of the opposite side around it.
std::vector<float> with_margin(const Side& side, const Size& size, std::span<const float> from) {
  const int64_t height = size.height * side.scale, width = size.width * side.scale;
  const int64_t margin = kWrapMargin * side.scale;
  const auto wrap = [](int64_t at, int64_t extent) { return (at % extent + extent) % extent; };
  std::vector<float> around;
  for (int64_t c = 0; c < side.channels; ++c)
    for (int64_t y = -margin; y < height + margin; ++y)
      for (int64_t x = -margin; x < width + margin; ++x)
        around.push_back(from[(c * height + wrap(y, height)) * width + wrap(x, width)]);
  return around;
}

Status apply_wrapped_tiles(const Size& size, int64_t tile, const Side& in, const Side& out,
                           std::span<const float> from, const TileFunction& apply,
                           std::span<float> to) {
  const Size whole{.height = size.height + 2 * kWrapMargin, .width = size.width + 2 * kWrapMargin};
  std::vector<float> applied(elements(out, whole.height, whole.width));
  TRY(apply_tiles(whole, tile, in, out, with_margin(in, size, from), apply, applied));
  const Axis rows(whole.height, size.height), columns(whole.width, size.width);
  cut(out, rows, columns, kWrapMargin, kWrapMargin, applied, to);
  return {};
}

Status apply_all(const LatentGeometry& g, int64_t tile, bool wraps, const Side& in, const Side& out,
                 std::span<const float> from, const TileFunction& apply, std::span<float> to) {
  return (wraps ? apply_wrapped_tiles : apply_tiles)({g.height, g.width}, tile, in, out, from,
                                                     apply, to);
}

}  // namespace

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
  for (int64_t i = 0; i < before; ++i)
    weights[i] = (static_cast<float>(i) + 0.5F) / static_cast<float>(before);
  for (int64_t i = 0; i < after; ++i)
    weights[pixels - 1 - i] *= (static_cast<float>(i) + 0.5F) / static_cast<float>(after);
  return weights;
}

Status decode_tiles(const LatentGeometry& g, int64_t tile, bool wraps,
                    std::span<const float> latent, const TileFunction& decode,
                    std::span<float> planes) {
  return apply_all(g, tile, wraps, {g.channels, 1}, {3, g.scale}, latent, decode, planes);
}

Status encode_tiles(const LatentGeometry& g, int64_t tile, bool wraps,
                    std::span<const float> planes, const TileFunction& encode,
                    std::span<float> moments) {
  return apply_all(g, tile, wraps, {3, g.scale}, {2 * g.channels, 1}, planes, encode, moments);
}

}  // namespace tempera::diffusion
