#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "diffusion/random.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// All noise of a run, one stream a picture, so that a picture does not depend on the others of its
// batch (diffusers with a list of generators).
class NoiseSource {
 public:
  explicit NoiseSource(std::span<const uint64_t> seeds) : generators_(seeds.begin(), seeds.end()) {}

  // The next tensor of unit noise of every picture; `latents` holds the pictures one after another.
  void draw(std::span<float> latents);
  // The noises that a step takes, one after another.
  void draw(std::span<const NoiseDraw> draws, std::span<float> noises);

 private:
  std::vector<TorchCpuGenerator> generators_;
};

}  // namespace tempera::diffusion
