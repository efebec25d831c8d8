#include "diffusion/tiled_decode.h"

#include <algorithm>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

// One axis of the tiling.
struct Axis {
  int64_t extent, tile, scale;
  std::vector<int64_t> starts;
  std::vector<std::vector<float>> weights;  // of each tile's pixels; at each pixel their sum is 1

  Axis(int64_t extent, int64_t wanted, int64_t scale)
      : extent(extent),
        tile(std::min(wanted, extent)),
        scale(scale),
        starts(tile_starts(extent, tile, tile / 4)) {
    for (size_t i = 0; i < starts.size(); ++i) {
      const int64_t before = i == 0 ? 0 : starts[i - 1] + tile - starts[i];
      const int64_t after = i + 1 == starts.size() ? 0 : starts[i] + tile - starts[i + 1];
      weights.push_back(fade(pixels(), before * scale, after * scale));
    }
    normalise();
  }
  int64_t pixels() const { return tile * scale; }

 private:
  // Three tiles may meet at a pixel, where fading in and out alone do not add up to 1.
  void normalise() {
    std::vector<float> sums(static_cast<size_t>(extent * scale));
    for (size_t i = 0; i < starts.size(); ++i)
      for (int64_t x = 0; x < pixels(); ++x) sums[starts[i] * scale + x] += weights[i][x];
    for (size_t i = 0; i < starts.size(); ++i)
      for (int64_t x = 0; x < pixels(); ++x) weights[i][x] /= sums[starts[i] * scale + x];
  }
};

// A [height, width] window of a plane of `stride` elements a row.
template <typename T>
T* row_of(std::span<T> plane, int64_t stride, int64_t y, int64_t x) {
  return plane.data() + y * stride + x;
}

void cut(const LatentGeometry& g, const Axis& rows, const Axis& columns, int64_t top, int64_t left,
         std::span<const float> latent, std::span<float> tile) {
  for (int64_t c = 0; c < g.channels; ++c)
    for (int64_t y = 0; y < rows.tile; ++y)
      std::copy_n(row_of(latent, g.width, c * g.height + top + y, left), columns.tile,
                  row_of(tile, columns.tile, c * rows.tile + y, 0));
}

void add_faded(const Axis& rows, const Axis& columns, size_t row, size_t column,
               std::span<const float> tile, std::span<float> planes) {
  const std::vector<float>&down = rows.weights[row], &across = columns.weights[column];
  const int64_t width = columns.extent * columns.scale, height = rows.extent * rows.scale;
  const int64_t top = rows.starts[row] * rows.scale, left = columns.starts[column] * columns.scale;
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < rows.pixels(); ++y) {
      const float* from = row_of(tile, columns.pixels(), c * rows.pixels() + y, 0);
      float* to = row_of(planes, width, c * height + top + y, left);
      for (int64_t x = 0; x < columns.pixels(); ++x) to[x] += down[y] * across[x] * from[x];
    }
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

Status decode_tiles(const LatentGeometry& g, int64_t tile, std::span<const float> latent,
                    const DecodeTile& decode, std::span<float> planes) {
  const Axis rows(g.height, tile, g.scale), columns(g.width, tile, g.scale);
  std::vector<float> part(static_cast<size_t>(g.channels * rows.tile * columns.tile));
  std::vector<float> decoded(static_cast<size_t>(3 * rows.pixels() * columns.pixels()));
  std::ranges::fill(planes, 0.0F);
  for (size_t row = 0; row < rows.starts.size(); ++row)
    for (size_t column = 0; column < columns.starts.size(); ++column) {
      cut(g, rows, columns, rows.starts[row], columns.starts[column], latent, part);
      TRY(decode(part, decoded));
      add_faded(rows, columns, row, column, decoded, planes);
    }
  return {};
}

Status decode_wrapped_tiles(const LatentGeometry& g, int64_t tile, std::span<const float> latent,
                            const DecodeTile& decode, std::span<float> planes) {
  const LatentGeometry whole{.channels = g.channels,
                             .height = g.height + 2 * kWrapMargin,
                             .width = g.width + 2 * kWrapMargin,
                             .scale = g.scale};
  const auto wrap = [](int64_t at, int64_t extent) {
    return ((at - kWrapMargin) % extent + extent) % extent;
  };
  std::vector<float> around;
  for (int64_t c = 0; c < g.channels; ++c)
    for (int64_t y = 0; y < whole.height; ++y)
      for (int64_t x = 0; x < whole.width; ++x)
        around.push_back(latent[(c * g.height + wrap(y, g.height)) * g.width + wrap(x, g.width)]);
  std::vector<float> decoded(
      static_cast<size_t>(3 * whole.height * whole.width * g.scale * g.scale));
  TRY(decode_tiles(whole, tile, around, decode, decoded));
  const int64_t height = g.height * g.scale, width = g.width * g.scale;
  const int64_t margin = kWrapMargin * g.scale;
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(row_of<const float>(decoded, whole.width * g.scale,
                                      c * whole.height * g.scale + margin + y, margin),
                  width, row_of(planes, width, c * height + y, 0));
  return {};
}

}  // namespace tempera::diffusion
