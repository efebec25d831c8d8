#include "diffusion/noise_source.h"

#include <algorithm>

#include "base/check.h"
#include "diffusion/noise/slerp.h"

namespace tempera::diffusion {

NoiseSource::NoiseSource(const NoiseSettings& settings, std::span<const uint64_t> seeds,
                         const LatentSize& size, const std::optional<BrownianRange>& brownian)
    : settings_(settings), seeds_(seeds.begin(), seeds.end()), size_(size) {
  CHECK(!seeds.empty(), "noise of no pictures");
  if (settings_.batch == 0) settings_.batch = static_cast<int64_t>(seeds.size());
  if (one_stream()) whole_.resize(static_cast<size_t>(settings_.batch) * size.count());
  seed_generators(0);
  if (!brownian) return;
  for (size_t i = 0; i < seeds_.size(); ++i) {
    // One stream has one seed for all.
    const uint64_t index = one_stream() ? static_cast<uint64_t>(settings_.first_picture) + i : 0;
    trees_.emplace_back(settings_.rng, seeds_[i] + index, *brownian, size.count());
  }
}

void NoiseSource::seed_generators(uint64_t delta) {
  generators_.clear();
  for (const uint64_t seed : one_stream() ? std::span(seeds_).first(1) : std::span(seeds_))
    generators_.emplace_back(settings_.rng, seed + delta);
}

void NoiseSource::draw(std::span<float> latents) {
  CHECK(latents.size() == seeds_.size() * size_.count(), "{} latents for {} pictures of {}",
        latents.size(), seeds_.size(), size_.count());
  if (!one_stream()) {
    for (size_t i = 0; i < seeds_.size(); ++i) generators_[i].normal(picture(latents, i));
    return;
  }
  generators_[0].normal(whole_);
  const size_t first = static_cast<size_t>(settings_.first_picture) * size_.count();
  CHECK(first + latents.size() <= whole_.size(), "pictures from {} on of a batch of {}",
        settings_.first_picture, settings_.batch);
  std::ranges::copy(std::span(whole_).subspan(first, latents.size()), latents.begin());
}

void NoiseSource::draw_shared(std::span<float> latents) {
  if (!one_stream()) return draw(latents);
  const std::span<float> first = picture(latents, 0);
  generators_[0].normal(first);
  for (size_t i = 1; i < seeds_.size(); ++i) std::ranges::copy(first, picture(latents, i).begin());
}

void NoiseSource::draw_start(std::span<float> latents) {
  draw(latents);
  if (has_variation(settings_)) vary(latents);
  if (settings_.seed_delta != 0) seed_generators(static_cast<uint64_t>(settings_.seed_delta));
}

void NoiseSource::vary(std::span<float> latents) {
  std::vector<float> other(size_.count());
  for (size_t i = 0; i < seeds_.size(); ++i) {
    const uint64_t index = static_cast<uint64_t>(settings_.first_picture) + i;
    NormalGenerator(settings_.rng, *settings_.variation_seed + index).normal(other);
    slerp(settings_.variation_strength, picture(latents, i), other, size_.channels, size_.height,
          size_.width);
  }
}

void NoiseSource::draw(std::span<const NoiseDraw> draws, std::span<float> noises) {
  if (draws.empty()) return;
  const size_t count = noises.size() / draws.size();
  for (size_t i = 0; i < draws.size(); ++i) draw(draws[i], noises.subspan(i * count, count));
}

void NoiseSource::draw(const NoiseDraw& one, std::span<float> latents) {
  if (!one.is_brownian()) return draw(latents);
  CHECK(trees_.size() == seeds_.size(), "Brownian noise without its range");
  for (size_t i = 0; i < trees_.size(); ++i) trees_[i].draw(one, picture(latents, i));
}

}  // namespace tempera::diffusion
