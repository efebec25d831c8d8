#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "diffusion/noise/noise_settings.h"
#include "diffusion/samplers/noise_draw.h"

namespace tempera::diffusion {

// A Brownian walk over the sigmas of a schedule, of which every increment can be asked for in any
// order: torchsde's BrownianTree as k-diffusion drives it. A node is the walk's increment between
// two sigmas; its halves are drawn from a generator that is seeded by the node's place in the tree.
class BrownianTree {
 public:
  // Of tensors of `count` elements.
  BrownianTree(Rng rng, uint64_t seed, const BrownianRange& range, size_t count);

  // The increment from draw.from down to draw.to, as unit noise: of opposite sign, divided by the
  // root of their distance. Sigmas out of the range count as its ends.
  void draw(const NoiseDraw& draw, std::span<float> noise);

 private:
  struct Node {
    double low, high;
    uint64_t key, depth;
  };
  void add_between(const Node& node, const Node& asked, std::span<const double> increment);

  Rng rng_;
  uint64_t seed_;
  Node root_;
  std::vector<double> increment_;  // of the root
  std::vector<double> sum_;
  std::vector<float> unit_;
  std::vector<std::vector<double>> levels_;  // by depth: the increment of the node being split
};

}  // namespace tempera::diffusion
