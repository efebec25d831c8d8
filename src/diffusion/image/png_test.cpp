#include "diffusion/image/png.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "diffusion/image/png_text.h"

namespace tempera::diffusion {
namespace {

Image gradient(int64_t width, int64_t height) {
  Image image{width, height, {}};
  for (int64_t i = 0; i < width * height * 3; ++i)
    image.pixels.push_back(static_cast<uint8_t>(i * 7 % 256));
  return image;
}

TEST(Png, KeepsPixelsAndText) {
  const PictureText text = {{"parameters", "a caf\xC3\xA9\nSteps: 20"},
                            {"other", "\xE7\x8C\xAB cat"}};
  const Image image = gradient(13, 7);
  const std::string file = encode_png(image, text).value();
  EXPECT_NE(file.find("tEXtparameters"), std::string::npos);
  EXPECT_NE(file.find("caf\xE9"), std::string::npos) << "Latin-1 in tEXt";
  EXPECT_NE(file.find("iTXtother"), std::string::npos);
  const Picture picture = decode_png(file, "test").value();
  EXPECT_EQ(picture.image.width, 13);
  EXPECT_EQ(picture.image.height, 7);
  EXPECT_EQ(picture.image.pixels, image.pixels);
  EXPECT_EQ(picture.text, text);
}

TEST(Png, IsTheSameEveryTime) {
  EXPECT_EQ(encode_png(gradient(9, 9), {{"a", "b"}}).value(),
            encode_png(gradient(9, 9), {{"a", "b"}}).value());
}

TEST(Png, WritesAFileThatReadsBack) {
  const std::string path = fmt::format("{}tempera_png_{}.png", testing::TempDir(), getpid());
  ASSERT_TRUE(write_png(path, gradient(8, 8)).ok());
  EXPECT_EQ(read_png(path).value().image.pixels, gradient(8, 8).pixels);
  std::filesystem::remove(path);
  EXPECT_EQ(read_png(path).error().code, ErrorCode::not_found);
  EXPECT_FALSE(write_png("/nowhere/picture.png", gradient(8, 8)).ok());
}

TEST(Png, RepairsIllFormedText) {
  const std::string file = encode_png(gradient(1, 1), {{"k", "a\xFF"}}).value();
  EXPECT_EQ(decode_png(file, "test").value().text[0].second, "a\xEF\xBF\xBD");
}

TEST(Png, PutsASpaceForNul) {
  const std::string file = encode_png(gradient(1, 1), {{"k", std::string("a\0b", 3)}}).value();
  EXPECT_EQ(decode_png(file, "test").value().text[0].second, "a b");
}

TEST(Png, RefusesEveryCutAndWrongChecksums) {
  const std::string file = encode_png(gradient(5, 5), {{"key", "text"}}).value();
  for (size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(decode_png(file.substr(0, size), "cut").ok()) << size;
  std::string changed = file;
  changed[changed.find("text")] = 'T';
  EXPECT_FALSE(decode_png(changed, "changed").ok());
  EXPECT_EQ(decode_png("no picture at all", "x.png").error().message,
            "x.png: not a valid PNG: Not a PNG file");
}

}  // namespace
}  // namespace tempera::diffusion
