#include "diffusion/noise/brownian_tree.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "diffusion/golden_tensors.h"
#include "diffusion/noise/seed_sequence.h"
#include "diffusion/samplers/k_diffusion/k_plan.h"

namespace tempera::diffusion {
namespace {

// numpy.random.SeedSequence(entropy, spawn_key=key, pool_size=24).generate_state(1)[0]
TEST(SeedSequence, GivesNumpysFirstWord) {
  EXPECT_EQ(seed_sequence_word(42), 387750627u);
  EXPECT_EQ(seed_sequence_word((uint64_t{1} << 33) + 7), 3443370661u);
  EXPECT_EQ(seed_sequence_word(42, std::array<uint64_t, 2>{0, 0}), 2102017995u);
  EXPECT_EQ(seed_sequence_word(42, std::array<uint64_t, 2>{5, 3}), 3084123560u);
}

BrownianRange range_of(const Json& row) {
  SchedulerConfig config;
  config.beta_schedule = BetaSchedule::scaled_linear;
  config.beta_start = 0.00085;
  config.beta_end = 0.012;
  SamplerOptions options{.sampler = row["kind"], .steps = row["steps"]};
  options.compat = Compat::a1111;
  return *k_diffusion::make_plan(options, config).value().brownian;
}

TEST(BrownianTree, GivesTheNoisesOfTorchsde) {
  const std::string folder = golden_folder("k_samplers");
  const Json cases = read_json_file(folder + "cases.json").value();
  int rows = 0;
  for (const Json& row : cases["cases"]) {
    if (!row.contains("seed")) continue;
    const SafetensorsFile file =
        SafetensorsFile::open(folder + row["file"].get<std::string>()).value();
    const std::string name = row["case"];
    const std::vector<float> sigmas = golden_tensor(file, name + "/noise_sigmas");
    const std::vector<float> noises = golden_tensor(file, name + "/noises");
    const size_t calls = sigmas.size() / 2, count = noises.size() / calls;
    BrownianTree tree(Rng::cpu, row["seed"].get<uint64_t>(), range_of(row), count);
    std::vector<float> noise(count);
    for (size_t i = 0; i < calls; ++i) {
      tree.draw({sigmas[2 * i], sigmas[2 * i + 1]}, noise);
      const auto want = std::span<const float>(noises).subspan(i * count, count);
      EXPECT_EQ(difference(noise, want, 2e-5, 0), "") << name << " call " << i;
    }
    ++rows;
  }
  EXPECT_GE(rows, 4);
}

// Noises of adjoining stretches add up to that of the whole, each by the root of its length.
TEST(BrownianTree, IsOneWalkInAnyOrder) {
  BrownianTree tree(Rng::cuda, 7, {0.03, 14.6}, 32);
  std::vector<float> upper(32), lower(32), whole(32), again(32);
  tree.draw({9, 4}, upper);
  tree.draw({4, 3}, lower);
  tree.draw({9, 3}, whole);
  tree.draw({9, 4}, again);
  EXPECT_EQ(upper, again);
  for (size_t i = 0; i < whole.size(); ++i)
    EXPECT_NEAR(upper[i] * std::sqrt(5.0) + lower[i], whole[i] * std::sqrt(6.0), 1e-5);
}

}  // namespace
}  // namespace tempera::diffusion
