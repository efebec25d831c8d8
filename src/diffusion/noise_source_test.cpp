#include "diffusion/noise_source.h"

#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/golden_tensors.h"

namespace tempera::diffusion {
namespace {

constexpr LatentSize kSize = {4, 8, 8};

NoiseSettings settings(Rng rng, int64_t delta = 0) {
  NoiseSettings settings;
  settings.rng = rng;
  settings.seed_delta = delta;
  return settings;
}

std::vector<float> start(const NoiseSettings& settings, std::vector<uint64_t> seeds,
                         const LatentSize& size = kSize) {
  std::vector<float> noise(seeds.size() * size.count());
  NoiseSource(settings, seeds, size).draw_start(noise);
  return noise;
}

std::vector<float> part(std::span<const float> all, size_t i, size_t count) {
  const auto values = all.subspan(i * count, count);
  return {values.begin(), values.end()};
}

TEST(NoiseSource, GivesTheWebuisFirstAndStepNoises) {
  const SafetensorsFile file =
      SafetensorsFile::open(golden_folder("k_samplers") + "noise.safetensors").value();
  for (const uint64_t seed : {uint64_t{42}, (uint64_t{1} << 33) + 7})
    for (const int64_t delta : {0, 31337})
      for (const Rng rng : {Rng::cpu, Rng::cuda}) {
        const std::string name =
            fmt::format("{}.seed{}.ensd{}", rng == Rng::cpu ? "cpu" : "nv", seed, delta);
        const std::vector<float> want = golden_tensor(file, name);
        const std::array seeds = {seed};
        NoiseSource source(settings(rng, delta), seeds, kSize);
        std::vector<float> got(kSize.count());
        for (size_t draw = 0; draw < want.size() / got.size(); ++draw) {
          draw == 0 ? source.draw_start(got) : source.draw(got);
          EXPECT_EQ(difference(got, part(want, draw, got.size()), 2e-6, 0), "") << name << draw;
        }
      }
}

TEST(NoiseSource, APicturesNoiseDoesNotDependOnItsBatch) {
  for (const Rng rng : {Rng::cpu, Rng::cuda}) {
    const std::vector<float> both = start(settings(rng), {5, 9});
    EXPECT_EQ(start(settings(rng), {5}), part(both, 0, kSize.count()));
    EXPECT_EQ(start(settings(rng), {9}), part(both, 1, kSize.count()));
  }
}

// Of a size at which torch's blocks of 16 cross from one picture to the next.
TEST(NoiseSource, OneStreamIsOneTensorOfTheBatchAlsoInParts) {
  constexpr LatentSize kOdd = {1, 3, 7};
  NoiseSettings stream = settings(Rng::cpu);
  stream.seed_mode = SeedMode::stream;
  std::vector<float> whole(3 * kOdd.count());
  TorchCpuGenerator(5).normal(whole);
  EXPECT_EQ(start(stream, {5, 5, 5}, kOdd), whole);
  stream.first_picture = 1;
  stream.batch = 3;
  EXPECT_EQ(start(stream, {5, 5}, kOdd), std::vector<float>(whole.begin() + 21, whole.end()));
}

TEST(NoiseSource, VariationsLieBetweenTheNoisesOfTwoSeeds) {
  NoiseSettings varied = settings(Rng::cpu);
  varied.variation_seed = 20;
  varied.variation_strength = 1;
  const std::vector<float> own = start(settings(Rng::cpu), {5});
  const std::vector<float> first = start(settings(Rng::cpu), {20}),
                           second = start(settings(Rng::cpu), {21});
  const std::vector<float> all = start(varied, {5, 5});
  EXPECT_EQ(difference(part(all, 0, kSize.count()), first, 1e-5, 0), "");
  EXPECT_EQ(difference(part(all, 1, kSize.count()), second, 1e-5, 0), "");
  varied.variation_strength = 0;
  EXPECT_EQ(start(varied, {5}), own);
  // A column keeps to the arc: half way it has the length of a chord's middle, raised to the arc.
  varied.variation_strength = 0.5;
  const std::vector<float> half = start(varied, {5});
  double ab = 0, aa = 0, bb = 0;
  for (size_t row = 0; row < 8; ++row) {
    const size_t i = row * 8;
    aa += own[i] * own[i], bb += first[i] * first[i], ab += own[i] * first[i];
  }
  const double angle = std::acos(ab / std::sqrt(aa * bb));
  for (size_t row = 0; row < 8; ++row)
    EXPECT_NEAR(half[row * 8],
                (own[row * 8] + first[row * 8]) * std::sin(angle / 2) / std::sin(angle), 1e-5);
}

}  // namespace
}  // namespace tempera::diffusion
