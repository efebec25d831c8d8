#include "diffusion/image/contact_sheet.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tempera::diffusion
