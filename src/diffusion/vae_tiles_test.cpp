#include "diffusion/vae_tiles.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tempera::diffusion {
namespace {

TEST(VaeTiles, TilesCoverTheExtentAndOverlap) {
  for (const int64_t extent : {1, 7, 16, 17, 40, 64, 129})
    for (const int64_t tile : {4, 16, 32}) {
      const auto starts = tile_starts(extent, tile, tile / 4);
      EXPECT_EQ(starts.front(), 0);
      EXPECT_EQ(starts.back(), std::max<int64_t>(0, extent - tile));
      for (size_t i = 1; i < starts.size(); ++i)
        EXPECT_LE(starts[i], starts[i - 1] + tile - tile / 4);
    }
}

TEST(VaeTiles, AreEvenAndNoLongerThanAsked) {
  EXPECT_EQ(tile_extent(64, 64), 64);
  EXPECT_EQ(tile_extent(64, 48), 36) << "two that share 8";
  EXPECT_EQ(tile_extent(64, 35), 28) << "three";
  EXPECT_EQ(tile_extent(9, 7), 5) << "neighbours of 7 share 1";
  for (const int64_t extent : {17, 30, 64, 96, 129, 250})
    for (const int64_t most : {16, 24, 30, 48, 100}) {
      const int64_t tile = tile_extent(extent, most);
      EXPECT_LE(tile, most);
      EXPECT_EQ(tile_starts(extent, tile, most / 4 < 8 ? most / 4 : 8).size(),
                tile_starts(extent, std::min(most, extent), most / 4 < 8 ? most / 4 : 8).size())
          << extent << " " << most;
    }
}

TEST(VaeTiles, NeighboursFadeIntoEachOther) {
  const auto left = fade(16, 0, 8), right = fade(16, 8, 0);
  for (int i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(left[8 + i] + right[i], 1);
  EXPECT_EQ(right[0], 0) << "seen with an edge that the picture does not have";
  EXPECT_EQ(left[0], 1);
  EXPECT_EQ(right[15], 1);
}

// A decoder that works place by place gives the same pixels in tiles as at once.
void expect_whole_picture(bool wraps) {
  const Tiling g{.height = 24, .width = 28, .tile = 16, .wraps = wraps};
  std::vector<float> latent(2 * g.height * g.width);
  std::iota(latent.begin(), latent.end(), 0.0F);
  std::vector<float> planes(3 * g.height * g.width * 16);
  std::vector<int64_t> sizes;
  const auto decode = [&](std::span<const float> tile, std::span<float> out) -> Status {
    constexpr int64_t kSide = 16, kPixels = 64;
    sizes.push_back(static_cast<int64_t>(tile.size()));
    for (int64_t i = 0; i < 3 * kPixels * kPixels; ++i)
      out[i] = tile[i / kPixels % kPixels / 4 * kSide + i % kPixels / 4];
    return {};
  };
  ASSERT_TRUE(apply_tiles(g, {2, 1}, {3, 4}, latent, decode, planes).ok());
  for (const int64_t size : sizes) EXPECT_EQ(size, 2 * 16 * 16);
  for (int64_t y = 0; y < g.height * 4; ++y)
    for (int64_t x = 0; x < g.width * 4; ++x)
      ASSERT_NEAR(planes[y * g.width * 4 + x], latent[y / 4 * g.width + x / 4], 1e-3)
          << y << " " << x;
}

TEST(VaeTiles, GivesTheWholePictureOfALocalDecoder) { expect_whole_picture(false); }

TEST(VaeTiles, GivesTheWholePictureWhereSidesMeet) { expect_whole_picture(true); }

// An encoder that averages the pixels of each element gives the same moments in tiles as at once.
void expect_whole_moments(bool wraps) {
  const Tiling g{.height = 24, .width = 28, .tile = 16, .wraps = wraps};
  constexpr int64_t kSide = 16;
  std::vector<float> planes(3 * g.height * g.width * 16), moments(2 * g.height * g.width);
  std::iota(planes.begin(), planes.end(), 0.0F);
  const auto mean = [](std::span<const float> plane, int64_t width, int64_t y, int64_t x) {
    float sum = 0;
    for (int64_t i = 0; i < 16; ++i) sum += plane[(4 * y + i / 4) * 4 * width + 4 * x + i % 4];
    return sum / 16;
  };
  const auto encode = [&](std::span<const float> tile, std::span<float> out) -> Status {
    EXPECT_EQ(static_cast<int64_t>(tile.size()), 3 * 16 * kSide * kSide);
    for (int64_t i = 0; i < 2 * kSide * kSide; ++i)
      out[i] = mean(tile, kSide, i / kSide % kSide, i % kSide);
    return {};
  };
  ASSERT_TRUE(apply_tiles(g, {3, 4}, {2, 1}, planes, encode, moments).ok());
  for (int64_t y = 0; y < g.height; ++y)
    for (int64_t x = 0; x < g.width; ++x)
      ASSERT_NEAR(moments[y * g.width + x], mean(planes, g.width, y, x), 2e-2) << y << " " << x;
}

TEST(VaeTiles, GiveTheWholeMomentsOfALocalEncoder) {
  expect_whole_moments(false);
  expect_whole_moments(true);
}

// A decoder that looks at a neighbour sees the opposite side beyond an edge.
TEST(VaeTiles, ShowsADecoderTheOppositeSide) {
  const Tiling g{.height = 12, .width = 12, .tile = 28, .wraps = true};
  std::vector<float> latent(144), planes(3 * 144);
  for (size_t i = 0; i < latent.size(); ++i) latent[i] = static_cast<float>(i % 12);
  const auto left_neighbour = [](std::span<const float> tile, std::span<float> out) -> Status {
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t at = i % tile.size();
      out[i] = at % 28 == 0 ? -1.0F : tile[at - 1];
    }
    return {};
  };
  ASSERT_TRUE(apply_tiles(g, {1, 1}, {3, 1}, latent, left_neighbour, planes).ok());
  for (size_t i = 0; i < 144; ++i) EXPECT_EQ(planes[i], latent[i - i % 12 + (i + 11) % 12]) << i;
}

TEST(VaeTiles, VisitingSeesWhatApplyingIsGiven) {
  std::vector<float> latent(20 * 12), planes(20 * 12);
  std::iota(latent.begin(), latent.end(), 0.0F);
  const Tiling tiling{.height = 20, .width = 12, .tile = 12};
  std::vector<std::vector<float>> visited, applied;
  ASSERT_TRUE(visit_tiles(tiling, {1, 1}, latent, [&](std::span<const float> tile) -> Status {
                visited.emplace_back(tile.begin(), tile.end());
                return {};
              }).ok());
  ASSERT_TRUE(apply_tiles(
                  tiling, {1, 1}, {1, 1}, latent,
                  [&](std::span<const float> tile, std::span<float>) -> Status {
                    applied.emplace_back(tile.begin(), tile.end());
                    return {};
                  },
                  planes)
                  .ok());
  EXPECT_EQ(visited.size(), 2U);
  EXPECT_EQ(visited, applied);
}

TEST(VaeTiles, PassesOnWhatTheDecoderSays) {
  std::vector<float> latent(8 * 8), planes(3 * 8 * 8);
  const auto fails = [](std::span<const float>, std::span<float>) -> Status {
    return error(ErrorCode::cancelled, "enough");
  };
  EXPECT_EQ(apply_tiles({8, 8, 4}, {1, 1}, {3, 1}, latent, fails, planes).error().message,
            "enough");
}

}  // namespace
}  // namespace tempera::diffusion
