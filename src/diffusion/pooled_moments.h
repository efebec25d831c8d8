#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tempera::diffusion {

// The moments of channels over several tiles from those over each: [3, channels] as the graph's
// channel_moments has them, counts, means and sums of squares about them. By Chan, Golub and
// LeVeque's formula ("Updating formulae and a pairwise algorithm", 1979), in f64.
class PooledMoments {
 public:
  explicit PooledMoments(int64_t channels) : pooled_(static_cast<size_t>(3 * channels)) {}

  // CHECKs the number of elements.
  void add(std::span<const float> moments);
  std::vector<float> moments() const { return {pooled_.begin(), pooled_.end()}; }

 private:
  std::vector<double> pooled_;
};

}  // namespace tempera::diffusion
