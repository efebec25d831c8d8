#include "diffusion/noise/philox.h"

#include <gtest/gtest.h>

#include <regex>

#include "diffusion/golden_tensors.h"

namespace tempera::diffusion {
namespace {

// The vectors that its authors publish.
TEST(Philox, GivesThePublishedAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kAll = 0xffffffff;
  EXPECT_EQ(philox4x32({kAll, kAll, kAll, kAll}, {kAll, kAll}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxGenerator, GivesCudasNormalsDrawAfterDraw) {
  const SafetensorsFile file =
      SafetensorsFile::open(golden_folder("rng") + "philox.safetensors").value();
  const std::regex form("(philox\\.seed([0-9]+)\\.n[0-9]+\\.)first");
  int rows = 0;
  for (const std::string_view view : file.names()) {
    const std::string name(view);
    std::smatch match;
    if (!std::regex_match(name, match, form)) continue;
    PhiloxGenerator generator(std::stoull(match[2]));
    for (const std::string& draw : {name, match[1].str() + "second"}) {
      const std::vector<float> want = golden_tensor(file, draw);
      std::vector<float> got(want.size());
      generator.normal(got);
      EXPECT_EQ(difference(got, want, 2e-6, 0), "") << draw;
    }
    ++rows;
  }
  EXPECT_GE(rows, 24);
}

}  // namespace
}  // namespace tempera::diffusion
