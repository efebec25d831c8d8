#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// Decoding a latent, or encoding a picture, in overlapping tiles, so that memory depends on the
// tile and not on the picture. Where tiles overlap, each fades linearly into the next.

// A latent of [channels, height, width] and the pixels of one of its elements, along each side.
struct LatentGeometry {
  int64_t channels, height, width, scale;
};

// Where tiles of `tile` elements begin so that they cover `extent` evenly and neighbours share at
// least `overlap` elements. One tile at 0 if it covers all. 0 <= overlap < tile.
std::vector<int64_t> tile_starts(int64_t extent, int64_t tile, int64_t overlap);

// The weight of each pixel of a tile along one side: 1, but rising from 0 over `before` pixels and
// falling to 0 over `after`.
std::vector<float> fade(int64_t pixels, int64_t before, int64_t after);

// What a decoder makes of one tile: latent [channels, tile height, tile width] -> planes [3, pixels
// of it]; or an encoder: planes -> moments [2 channels, tile height, tile width].
using TileFunction = std::function<Status(std::span<const float>, std::span<float>)>;

// Fills planes [3, height * scale, width * scale]. Tiles are min(tile, height) x min(tile, width)
// elements of the latent. With `wraps` the picture's opposite sides meet: kWrapMargin elements of
// the other side are decoded around it and cut off again, and tiles are min(tile, height + 2
// kWrapMargin) high, and so on.
inline constexpr int64_t kWrapMargin = 8;
Status decode_tiles(const LatentGeometry& geometry, int64_t tile, bool wraps,
                    std::span<const float> latent, const TileFunction& decode,
                    std::span<float> planes);

// The way back, with the same tiles: fills moments [2 channels, height, width] from planes.
Status encode_tiles(const LatentGeometry& geometry, int64_t tile, bool wraps,
                    std::span<const float> planes, const TileFunction& encode,
                    std::span<float> moments);

}  // namespace tempera::diffusion
