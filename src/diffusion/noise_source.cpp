#include "diffusion/noise_source.h"

#include "base/check.h"

namespace tempera::diffusion {

void NoiseSource::draw(std::span<float> latents) {
  CHECK(latents.size() % generators_.size() == 0, "{} latents for {} pictures", latents.size(),
        generators_.size());
  const size_t picture = latents.size() / generators_.size();
  for (size_t i = 0; i < generators_.size(); ++i)
    generators_[i].normal(latents.subspan(i * picture, picture));
}

void NoiseSource::draw(std::span<const NoiseDraw> draws, std::span<float> noises) {
  if (draws.empty()) return;
  const size_t count = noises.size() / draws.size();
  for (size_t i = 0; i < draws.size(); ++i) draw(noises.subspan(i * count, count));
}

}  // namespace tempera::diffusion
