#include "diffusion/image/contact_sheet.h"

#include <gtest/gtest.h>

#include "diffusion/image/small_text.h"

namespace tempera::diffusion {
namespace {

TEST(ContactSheet, PlacesPicturesInRowsAndLeavesTheRestBlack) {
  const Image one{1, 2, {1, 1, 1, 2, 2, 2}}, two{2, 1, {3, 3, 3, 4, 4, 4}}, three{1, 1, {5, 5, 5}};
  const std::vector<Image> images = {one, two, three};
  const Image sheet = contact_sheet(images, 2);
  ASSERT_EQ(sheet.width, 4);
  ASSERT_EQ(sheet.height, 4);
  std::vector<int> reds;
  for (size_t i = 0; i < 16; ++i) reds.push_back(sheet.pixels[3 * i]);
  EXPECT_EQ(reds, (std::vector<int>{1, 0, 3, 4, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(ContactSheet, WritesLabelsBesideThePictures) {
  const std::vector<Image> images(4, Image{20, 20, std::vector<uint8_t>(1200, 100)});
  const Image sheet = contact_sheet(images, 2, {.columns = {"1", "-"}, .rows = {"a", "b"}});
  EXPECT_EQ(sheet.width, 40 + 5 + 4) << "a letter and what is around it";
  EXPECT_EQ(sheet.height, 40 + 7 + 4);
  const auto dark = [&](int64_t left, int64_t top, int64_t width, int64_t height) {
    int count = 0;
    for (int64_t y = top; y < top + height; ++y)
      for (int64_t x = left; x < left + width; ++x)
        count += sheet.pixels[static_cast<size_t>(3 * (y * sheet.width + x))] == 0 ? 1 : 0;
    return count;
  };
  EXPECT_EQ(dark(9, 0, 20, 11), 10) << "the dots of 1";
  EXPECT_EQ(dark(29, 0, 20, 11), 5) << "the dots of -";
  EXPECT_GT(dark(0, 11, 9, 20), 8);
  EXPECT_EQ(dark(9, 11, 40, 40), 0) << "no letter on a picture";
}

TEST(SmallText, IsCutToItsPlace) {
  EXPECT_EQ(text_width("abc", 2), 34);
  EXPECT_EQ(text_width("\u00e4\u00f6", 1), 11) << "of characters, not bytes";
  EXPECT_EQ(fitting_text("abc", 23, 2), "ab");
  EXPECT_EQ(fitting_text("abc", 3, 2), "");
}

}  // namespace
}  // namespace tempera::diffusion
