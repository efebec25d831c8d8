#include "diffusion/random.h"

#include <gtest/gtest.h>

#include <regex>

#include "tensor_file/safetensors.h"

namespace tempera::diffusion {
namespace {

constexpr float kTolerance = 2e-6f;

const SafetensorsFile& goldens() {
  static const SafetensorsFile file =
      SafetensorsFile::open(TEMPERA_SOURCE_DIR "/test/data/rng/torch_cpu.safetensors").value();
  return file;
}

void expect_next_draw(TorchCpuGenerator& generator, const std::string& name) {
  const TensorInfo* info = goldens().find(name);
  ASSERT_NE(info, nullptr) << name;
  const Tensor tensor = goldens().load(*info);
  const auto want = tensor.as<float>();
  std::vector<float> got(want.size());
  generator.normal(got);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], kTolerance) << name << i;
}

TEST(TorchCpuGenerator, GivesTorchsNormalsOfAnySize) {
  const std::regex form("(cpu\\.seed([0-9]+)\\.n[0-9]+)\\.first");
  int rows = 0;
  for (std::string_view view : goldens().names()) {
    const std::string name(view);
    std::smatch match;
    if (!std::regex_match(name, match, form)) continue;
    TorchCpuGenerator generator(std::stoull(match[2]));
    expect_next_draw(generator, name);
    const std::string second = match[1].str() + ".second";
    if (goldens().find(second) != nullptr) expect_next_draw(generator, second);
    ++rows;
  }
  EXPECT_GT(rows, 100);
}

TEST(TorchCpuGenerator, CachesTheSecondValueAcrossLargeDraws) {
  constexpr size_t kSizes[] = {3, 16, 1, 5, 40, 15, 16};
  for (uint64_t seed : {0, 1, 42}) {
    TorchCpuGenerator generator(seed);
    for (size_t i = 0; i < std::size(kSizes); ++i)
      expect_next_draw(generator, fmt::format("cpu_sequence.seed{}.{}.n{}", seed, i, kSizes[i]));
  }
}

TEST(TorchCpuGenerator, FillsALatent) {
  for (uint64_t seed : {0, 1, 42}) {
    TorchCpuGenerator generator(seed);
    expect_next_draw(generator, fmt::format("cpu_latent.seed{}.2x4x8x8", seed));
  }
}

TEST(TorchCpuGenerator, SeedsWithTheLow32Bits) {
  TorchCpuGenerator wide((uint64_t{7} << 32) + 5);
  TorchCpuGenerator narrow(5);
  std::vector<float> a(20), b(20);
  wide.normal(a);
  narrow.normal(b);
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace tempera::diffusion
