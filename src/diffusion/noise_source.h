#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "diffusion/noise/brownian_tree.h"
#include "diffusion/noise/noise_settings.h"
#include "diffusion/noise/normal_generator.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// Of one picture's latent.
struct LatentSize {
  int64_t channels, height, width;
  size_t count() const { return static_cast<size_t>(channels * height * width); }
};

// All noise of a run. With a stream a picture, a picture does not depend on the others of its
// batch (diffusers with a list of generators); with one for all, every draw is one tensor of the
// whole batch, of which parts made apart take their rows.
class NoiseSource {
 public:
  // One seed a picture; of a single stream the first is taken. `brownian` is the plan's.
  NoiseSource(const NoiseSettings& settings, std::span<const uint64_t> seeds,
              const LatentSize& size, const std::optional<BrownianRange>& brownian = {});

  // The noise that a run starts from, once, before any that steps take: with the settings'
  // variation; seed_delta holds from then on. `latents` holds the pictures one after another, as
  // everywhere here.
  void draw_start(std::span<float> latents);
  // The next tensor of unit noise of every picture.
  void draw(std::span<float> latents);
  // The same of every picture, where one stream has it for all: of something that they share, as
  // the picture that they start from.
  void draw_shared(std::span<float> latents);
  // The noises that a step takes, one after another. Brownian ones come from a tree of each
  // picture's seed, and leave the streams as they are.
  void draw(std::span<const NoiseDraw> draws, std::span<float> noises);

 private:
  bool one_stream() const { return settings_.seed_mode == SeedMode::stream; }
  std::span<float> picture(std::span<float> latents, size_t i) const {
    return latents.subspan(i * size_.count(), size_.count());
  }
  void seed_generators(uint64_t delta);
  void vary(std::span<float> latents);
  void draw(const NoiseDraw& draw, std::span<float> latents);

  NoiseSettings settings_;
  std::vector<uint64_t> seeds_;
  LatentSize size_;
  std::vector<NormalGenerator> generators_;
  std::vector<BrownianTree> trees_;
  std::vector<float> whole_;  // the batch that the pictures are rows of, with one stream
};

}  // namespace tempera::diffusion
