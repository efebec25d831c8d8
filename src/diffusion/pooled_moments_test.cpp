#include "diffusion/pooled_moments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tempera::diffusion {
namespace {

// Of one channel's values.
std::vector<float> moments_of(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double x : values) mean += x / static_cast<double>(values.size());
  for (const double x : values) squares += (x - mean) * (x - mean);
  return {static_cast<float>(values.size()), static_cast<float>(mean), static_cast<float>(squares)};
}

TEST(PooledMoments, AreThoseOfAllValuesTogether) {
  std::mt19937 random(1);
  std::vector<double> all;
  PooledMoments pooled(1);
  for (const int count : {5, 1, 300, 17}) {
    std::normal_distribution<double> normal(100 + count, 2);
    std::vector<double> tile(static_cast<size_t>(count));
    std::ranges::generate(tile, [&] { return normal(random); });
    pooled.add(moments_of(tile));
    all.insert(all.end(), tile.begin(), tile.end());
  }
  const std::vector<float> want = moments_of(all), got = pooled.moments();
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i] / want[i], 1, 1e-6) << i;
}

TEST(PooledMoments, KeepChannelsApart) {
  PooledMoments pooled(2);
  pooled.add(std::vector<float>{4, 4, 1, 10, 0, 6});
  pooled.add(std::vector<float>{4, 4, 3, 10, 0, 2});
  EXPECT_EQ(pooled.moments(), (std::vector<float>{8, 8, 2, 10, 8, 8}));
}

}  // namespace
}  // namespace tempera::diffusion
