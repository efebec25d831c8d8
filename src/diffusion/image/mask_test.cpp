#include "diffusion/image/mask.h"

#include <gtest/gtest.h>

#include <numeric>

#include "diffusion/image/composite.h"
#include "diffusion/image/extend.h"

namespace tempera::diffusion {
namespace {

using Bytes = std::vector<uint8_t>;

// A row of pixels.
Picture row(const std::vector<Rgb>& colors) {
  Picture picture;
  picture.image = {static_cast<int64_t>(colors.size()), 1, {}};
  for (const Rgb& color : colors)
    picture.image.pixels.insert(picture.image.pixels.end(), color.begin(), color.end());
  return picture;
}

constexpr Rgb kPhoto = {90, 140, 60}, kGreen = {10, 240, 12}, kWhite = {255, 255, 255};

TEST(Marked, GreyFromOneHalfOn) {
  EXPECT_EQ(marked(row({{127, 127, 127}, {128, 128, 128}, kWhite, {0, 0, 0}})).pixels,
            (Bytes{0, 255, 255, 0}));
}

TEST(Marked, APureColourOverAPhoto) {
  EXPECT_EQ(marked(row({kPhoto, kGreen, kWhite, kGreen})).pixels, (Bytes{0, 255, 0, 255}));
}

TEST(Marked, TheColourThatIsNamed) {
  EXPECT_EQ(marked(row({kPhoto, kGreen, kWhite}), kWhite).pixels, (Bytes{0, 0, 255}));
}

TEST(Marked, HolesBeforeColours) {
  Picture picture = row({kWhite, kGreen, kPhoto});
  picture.alpha = {255, 128, 127};
  EXPECT_EQ(marked(picture).pixels, (Bytes{0, 0, 255}));
}

TEST(ParseColor, ReadsNamesAndHexadecimals) {
  EXPECT_EQ(parse_color("green", "--mask-color").value(), (Rgb{0, 255, 0}));
  EXPECT_EQ(parse_color("#0a80ff", "--mask-color").value(), (Rgb{10, 128, 255}));
  for (const char* text : {"", "#", "#12345", "0a80ff0", "#0a80f-", "grass"})
    EXPECT_FALSE(parse_color(text, "--mask-color").ok()) << text;
}

TEST(Blur, KeepsTheSumAndWidensAnEdgeEvenly) {
  Mask mask{{21, 21}, Bytes(441, 0)};
  mask.pixels[10 * 21 + 10] = 255;
  const Mask soft = blur(mask, 1.5);
  EXPECT_NEAR(std::accumulate(soft.pixels.begin(), soft.pixels.end(), 0), 255, 30);
  EXPECT_EQ(soft.pixels[10 * 21 + 8], soft.pixels[8 * 21 + 10]);
  EXPECT_EQ(soft.pixels[10 * 21 + 8], soft.pixels[10 * 21 + 12]);
  EXPECT_LT(soft.pixels[10 * 21 + 8], soft.pixels[10 * 21 + 9]);
  EXPECT_EQ(blur(mask, 0).pixels, mask.pixels);
}

TEST(RegionOf, TakesTheShapeAskedForWithinTheMask) {
  Mask mask{{100, 50}, Bytes(5000, 0)};
  mask.pixels[20 * 100 + 90] = mask.pixels[29 * 100 + 99] = 1;  // 10 x 10 at the right edge
  EXPECT_EQ(region_of(mask, 0, {64, 64}), (Region{90, 20, 10, 10}));
  EXPECT_EQ(region_of(mask, 5, {64, 64}), (Region{80, 15, 20, 20}));
  EXPECT_EQ(region_of(mask, 0, {128, 64}), (Region{80, 20, 20, 10}));
  EXPECT_EQ(region_of(mask, 45, {64, 64}), (Region{45, 0, 55, 50}));
  EXPECT_EQ(region_of(Mask{{4, 4}, Bytes(16, 0)}, 8, {64, 64}), Region());
}

TEST(Composite, KeepsTheBackgroundExactlyWhereTheWeightIsZero) {
  const Image background = row({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}).image;
  const Image finished = row({{201, 202, 203}, {204, 205, 206}, {207, 208, 209}}).image;
  const Image result = composite({background, {{3, 1}, {0, 255, 51}}, {0, 0, 3, 1}}, finished);
  EXPECT_EQ(result.pixels, (Bytes{1, 2, 3, 204, 205, 206, 47, 48, 49}));
}

TEST(Composite, ShrinksAPictureIntoItsRegion) {
  const Image background = row({{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}).image;
  const Image finished{2, 2, Bytes(12, 80)};
  const Image result = composite({background, {{3, 1}, {255, 255, 255}}, {1, 0, 1, 1}}, finished);
  EXPECT_EQ(result.pixels, (Bytes{0, 0, 0, 80, 80, 80, 0, 0, 0}));
}

TEST(Extend, DrawsOutEdgesAndMarksWhatItAdds) {
  const Sides sides = parse_sides("left=1,bottom=1").value();
  const Image image = extend(row({{1, 1, 1}, {2, 2, 2}}).image, sides);
  EXPECT_EQ(image.width, 3);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.pixels, (Bytes{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(extend(Mask{{2, 1}, {0, 7}}, sides).pixels, (Bytes{255, 0, 7, 255, 255, 255}));
}

TEST(ParseSides, RefusesWhatIsNoSide) {
  EXPECT_EQ(parse_sides("all=8,top=0").value(), (Sides{8, 8, 0, 8}));
  for (const char* text :
       {"", "left", "left=", "left=-8", "middle=8", "left=8,", "left=0", "top=1e9"})
    EXPECT_FALSE(parse_sides(text).ok()) << text;
}

TEST(FillFromAround, LeavesWhatIsKeptAndTakesItsColours) {
  Image image{16, 16, Bytes(768, 0)};
  Bytes repaint(256, 0);
  for (size_t i = 0; i < 256; ++i) {
    const bool is_left = i % 16 < 8;
    image.pixels[3 * i] = is_left ? 200 : 40;
    repaint[i] = i / 16 >= 4 && i / 16 < 12 ? 1 : 0;
    if (repaint[i] != 0) image.pixels[3 * i + 1] = 255;
  }
  const Image filled = fill_from_around(image, repaint);
  for (size_t i = 0; i < 256; ++i) {
    EXPECT_EQ(filled.pixels[3 * i + 1], 0) << i;
    if (repaint[i] == 0) {
      EXPECT_EQ(filled.pixels[3 * i], image.pixels[3 * i]) << i;
    }
  }
  EXPECT_GT(filled.pixels[3 * (8 * 16 + 1)], 150);
  EXPECT_LT(filled.pixels[3 * (8 * 16 + 14)], 90);
}

}  // namespace
}  // namespace tempera::diffusion
