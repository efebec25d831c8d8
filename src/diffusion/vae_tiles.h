#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// Working on a latent or a picture in overlapping tiles, so that memory depends on the tile and not
// on the picture. Where tiles overlap, each fades linearly into the next, but for their outermost
// elements, which have seen their edge as the picture's: those do not count.

// The latent of the picture, in its elements. Tiles are even and at most `tile` elements long. With
// `wraps` the picture's opposite sides meet: kWrapMargin elements of the other side are put around
// it and cut off again.
struct Tiling {
  int64_t height, width, tile;
  bool wraps = false;
};
inline constexpr int64_t kWrapMargin = 8;

// What is cut into tiles or put together from them: [channels, height * scale, width * scale].
struct TiledPlanes {
  int64_t channels, scale;
};

// Of the even tiles, at most `most` elements long, that cover so many elements: fewest, then
// shortest, but a multiple of 4 where it may be. Neighbours share 8 elements, or most / 4.
int64_t tile_extent(int64_t extent, int64_t most);

// Where tiles of `tile` elements begin so that they cover `extent` evenly and neighbours share at
// least `overlap` elements. One tile at 0 if it covers all. 0 <= overlap < tile.
std::vector<int64_t> tile_starts(int64_t extent, int64_t tile, int64_t overlap);

// The weight of each pixel of a tile along one side: 1, but rising from 0 over the middle half of
// the first `before` pixels and falling to 0 over that of the last `after`.
std::vector<float> fade(int64_t pixels, int64_t before, int64_t after);

// One tile after another: [channels, tile height * scale, tile width * scale].
using TileVisitor = std::function<Status(std::span<const float>)>;
Status visit_tiles(const Tiling& tiling, const TiledPlanes& in, std::span<const float> from,
                   const TileVisitor& visit);

// Fills `to` from what the function makes of each tile.
using TileFunction = std::function<Status(std::span<const float>, std::span<float>)>;
Status apply_tiles(const Tiling& tiling, const TiledPlanes& in, const TiledPlanes& out,
                   std::span<const float> from, const TileFunction& apply, std::span<float> to);

}  // namespace tempera::diffusion
