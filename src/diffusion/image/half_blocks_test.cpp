#include "diffusion/image/half_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tempera::diffusion {
namespace {

TEST(HalfBlocks, DrawTwoPixelsACharacter) {
  const Image image{1, 2, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(half_blocks(image, 80, 24), "\x1B[38;2;1;2;3m\x1B[48;2;4;5;6m\u2580\x1B[0m\n");
}

TEST(HalfBlocks, StayWithinTheTerminal) {
  const Image image{512, 768, std::vector<uint8_t>(size_t{512} * 768 * 3, 9)};
  const std::string text = half_blocks(image, 40, 20);
  EXPECT_EQ(std::ranges::count(text, '\n'), 20);
  EXPECT_EQ(text.substr(0, text.find("\u2580")).size(), text.find("\u2580\u2580"))
      << "colours are said where they change";
}

}  // namespace
}  // namespace tempera::diffusion
