#include "diffusion/image/resize.h"

#include <gtest/gtest.h>

#include "diffusion/image/golden_images.h"

namespace tempera::diffusion {
namespace {

TEST(Resize, EqualsPillow) {
  const auto goldens = test::golden_tensors("resize.safetensors");
  const test::GoldenBytes& source = goldens.at("source");
  const Size from{source.shape[1], source.shape[0]};
  const std::map<std::string, Filter> filters = {{"nearest", Filter::nearest},
                                                 {"bilinear", Filter::bilinear},
                                                 {"bicubic", Filter::bicubic},
                                                 {"lanczos", Filter::lanczos}};
  int checked = 0;
  for (const auto& [key, want] : goldens) {
    if (key == "source") continue;
    const Size to{want.shape[1], want.shape[0]};
    const Filter filter = filters.at(key.substr(0, key.find('.')));
    EXPECT_EQ(resize(source.bytes, 3, from, to, filter), want.bytes) << key;
    ++checked;
  }
  EXPECT_GE(checked, 5);
}

const std::vector<uint8_t> kRow = {10, 20, 30, 40};  // 4x1 of one channel

TEST(Fit, CropsTheMiddle) {
  EXPECT_EQ(fit_to(kRow, 1, {4, 1}, {2, 1}, Fit::crop), (std::vector<uint8_t>{20, 30}));
}

TEST(Fit, PadsWithTheNearestPixel) {
  EXPECT_EQ(fit_to(kRow, 1, {4, 1}, {4, 3}, Fit::pad),
            (std::vector<uint8_t>{10, 20, 30, 40, 10, 20, 30, 40, 10, 20, 30, 40}));
}

TEST(Fit, Stretches) {
  EXPECT_EQ(fit_to(kRow, 1, {4, 1}, {2, 1}, Fit::stretch, Filter::nearest),
            (std::vector<uint8_t>{20, 40}));
}

TEST(Fit, OfEveryShapeGivesTheSizeAskedFor) {
  for (int64_t w = 1; w < 9; ++w)
    for (int64_t h = 1; h < 9; ++h)
      for (const Fit fit : {Fit::crop, Fit::stretch, Fit::pad})
        EXPECT_EQ(
            fit_to(std::vector<uint8_t>(static_cast<size_t>(w * h), 7), 1, {w, h}, {5, 3}, fit),
            std::vector<uint8_t>(15, 7));
}

TEST(Fit, NamesWhatItTakes) {
  EXPECT_EQ(parse_fit("crob", "--fit").error().message,
            "--fit 'crob' is not crop, stretch or pad; did you mean 'crop'?");
}

}  // namespace
}  // namespace tempera::diffusion
