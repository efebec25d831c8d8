#include "diffusion/image/compare_images.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tempera::diffusion {
namespace {

template <typename Function>
Image image_of(int64_t width, int64_t height, Function sample) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) image.pixels.push_back(static_cast<uint8_t>(sample(x, y, c)));
  return image;
}

int stripes(int x, int y, int c) { return (7 * x + 13 * y + 50 * c) % 256; }
Image striped() { return image_of(20, 16, stripes); }
Image faded() {
  return image_of(20, 16,
                  [](int x, int y, int c) { return stripes(x, y, c) / 2 + (x * y + c) % 32; });
}
Image flat(int value) {
  return image_of(12, 12, [value](int, int, int) { return value; });
}

TEST(Psnr, OfAKnownDifference) {
  EXPECT_NEAR(psnr(flat(100), flat(101)), 10 * std::log10(255.0 * 255.0), 1e-12);
  EXPECT_TRUE(std::isinf(psnr(striped(), striped())));
  EXPECT_DOUBLE_EQ(psnr(striped(), faded()), psnr(faded(), striped()));
}

// Where nothing varies, only the means' term is left.
TEST(Ssim, OfFlatPictures) {
  const double c1 = 2.55 * 2.55;
  EXPECT_NEAR(ssim(flat(100), flat(120)), (2 * 100 * 120 + c1) / (100.0 * 100 + 120 * 120 + c1),
              1e-9);
  EXPECT_NEAR(ssim(striped(), striped()), 1, 1e-12);
}

// Both numbers were computed by the formulas written out in numpy.
TEST(Ssim, OfStructuredPictures) {
  EXPECT_NEAR(psnr(striped(), faded()), 11.807850735277032, 1e-9);
  EXPECT_NEAR(ssim(striped(), faded()), 0.6513425823459992, 1e-9);
}

TEST(Ssim, OfPicturesSmallerThanTheWindow) {
  const Image small = image_of(3, 2, stripes);
  EXPECT_NEAR(ssim(small, small), 1, 1e-12);
}

}  // namespace
}  // namespace tempera::diffusion
