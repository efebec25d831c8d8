#include "diffusion/image/read_image.h"

#include <gtest/gtest.h>

#include "diffusion/image/exif.h"
#include "diffusion/image/golden_images.h"
#include "diffusion/image/jpeg.h"
#include "diffusion/image/png.h"
#include "diffusion/image/webp.h"

namespace tempera::diffusion {
namespace {

using namespace std::string_view_literals;

struct Difference {
  int largest = 0;
  double mean = 0;
};

Difference difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  Difference result;
  for (size_t i = 0; i < a.size(); ++i) {
    const int d = std::abs(a[i] - b[i]);
    result.largest = std::max(result.largest, d);
    result.mean += static_cast<double>(d) / static_cast<double>(a.size());
  }
  return result;
}

Result<Picture> read_golden(const std::string& name) {
  return read_image(test::golden_folder() + "/" + name);
}

// Chroma that was stored at half the size is enlarged by another filter elsewhere.
bool is_subsampled(const std::string& name) {
  return name.find("42") != std::string::npos || name.find("low_quality") == 0 ||
         name.find("orientation") == 0;
}

void expect_like_pillow(const std::string& name, const Picture& picture,
                        const test::GoldenBytes& want) {
  ASSERT_EQ((Shape{picture.image.height, picture.image.width, 3}), want.shape) << name;
  const Difference d = difference(picture.image.pixels, want.bytes);
  const bool is_png = name.ends_with(".png");
  EXPECT_LE(d.largest, is_png ? 0 : is_subsampled(name) ? 24 : 3) << name;
  EXPECT_LE(d.mean, is_png ? 0 : is_subsampled(name) ? 2 : 0.5) << name;
}

TEST(ReadImage, ReadsEveryKindAsPillowDoes) {
  const auto decoded = test::golden_tensors("decoded.safetensors");
  for (const auto& [key, want] : decoded) {
    const std::string name = key.substr(0, key.rfind('.')), part = key.substr(key.rfind('.') + 1);
    const Result<Picture> picture = read_golden(name);
    ASSERT_TRUE(picture.ok()) << picture.error().message;
    if (part == "alpha") {
      EXPECT_EQ(picture->alpha, want.bytes) << name;
    }
    if (part == "upright" || (part == "rgb" && !name.starts_with("orientation")))
      expect_like_pillow(name, *picture, want);
  }
}

TEST(ReadImage, ReadsTextAndRefusesBrokenFiles) {
  const std::string folder = test::golden_folder();
  const Json index = read_json_file(folder + "/index.json").value();
  for (const auto& [name, row] : index["files"].items()) {
    const Result<Picture> picture = read_golden(name);
    if (row.contains("error")) {
      ASSERT_FALSE(picture.ok()) << name;
      EXPECT_TRUE(picture.error().message.starts_with(folder + "/" + name + ": "))
          << picture.error().message;
    } else if (row.contains("text")) {
      ASSERT_TRUE(picture.ok()) << picture.error().message;
      const std::map<std::string, std::string> text(picture->text.begin(), picture->text.end());
      EXPECT_EQ(text, (row["text"].get<std::map<std::string, std::string>>())) << name;
    } else {
      EXPECT_TRUE(picture.ok()) << picture.error().message;
    }
  }
}

TEST(ReadImage, KeepsAlphaApart) {
  const Picture picture = read_golden("rgba8.png").value();
  EXPECT_EQ(picture.alpha.size() * 3, picture.image.pixels.size());
  EXPECT_TRUE(read_golden("rgb8.png").value().alpha.empty());
}

Image gradient(int64_t width, int64_t height) {
  Image image{width, height, {}};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (const int64_t sample : {4 * x, 5 * y, 128 + x - y})
        image.pixels.push_back(static_cast<uint8_t>(sample));
  return image;
}

const PictureText kText = {{"parameters", "a caf\xC3\xA9 \xF0\x9F\x90\x88\nSteps: 20"},
                           {"tempera", "{\"seed\":1}"}};
const PictureText kExifText = {{"UserComment", kText[0].second}, kText[1]};

TEST(ReadImage, ReadsItsOwnJpegs) {
  const std::string file = encode_jpeg(gradient(33, 21), kText, 95).value();
  const Picture picture = decode_image(file, "x").value();
  EXPECT_LE(difference(picture.image.pixels, gradient(33, 21).pixels).mean, 1.5);
  EXPECT_EQ(picture.text, kExifText);
  for (size_t size = 0; size < file.size() - 2; size += 7)
    EXPECT_FALSE(decode_image(file.substr(0, size), "cut").ok()) << size;
}

TEST(ReadImage, ReadsItsOwnWebps) {
  for (const int quality : {90, 100}) {
    const std::string file = encode_webp(gradient(33, 21), kText, quality).value();
    const Picture picture = decode_image(file, "x").value();
    const Difference d = difference(picture.image.pixels, gradient(33, 21).pixels);
    EXPECT_LE(d.mean, quality == 100 ? 0 : 4);
    EXPECT_EQ(picture.text, kExifText);
    const size_t pixels_end = file.rfind("EXIF");
    for (size_t size = 0; size + 8 < pixels_end; size += 5)
      EXPECT_FALSE(decode_image(file.substr(0, size), "cut").ok()) << size;
  }
}

TEST(ReadImage, NamesFormatsThatItDoesNotRead) {
  EXPECT_EQ(decode_image("GIF89a...", "x.png").error().message,
            "x.png: it is a GIF picture; PNG, JPEG and WebP are read");
  EXPECT_EQ(decode_image("hello", "x.png").error().message,
            "x.png: no picture; PNG, JPEG and WebP are read");
}

TEST(ReadImage, TakesNoMemoryForAHeaderAlone) {
  std::string file = encode_png(gradient(1, 1)).value();
  std::string header = file.substr(12, 17);  // "IHDR", width, height, ...
  header.replace(4, 8, "\0\0\x3F\xFF\0\0\x3F\xFF"sv);
  std::string changed = file.substr(0, 12) + header;
  changed += file.substr(changed.size());
  EXPECT_FALSE(decode_image(changed, "x.png").ok());
}

// Numbered 1 to 6 by rows of 3, as Exif 2.32 says where its first row and column are seen.
TEST(Exif, TurnsPicturesUpright) {
  const std::vector<uint8_t> wants[] = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                        {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                        {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    Picture picture;
    picture.image = {3, 2, std::vector<uint8_t>(18)};
    picture.alpha = {1, 2, 3, 4, 5, 6};
    EXPECT_EQ(upright(picture, orientation).alpha, wants[orientation - 1]) << orientation;
  }
}

TEST(Exif, ReadsCommentsOfEitherByteOrder) {
  const std::string big = format_exif({.user_comment = "a cat"}, 1000);
  EXPECT_EQ(parse_exif(big).user_comment, "a cat");
  std::string swapped = big;
  for (size_t i = swapped.find("UNICODE") + 8; i + 1 < swapped.size(); i += 2)
    std::swap(swapped[i], swapped[i + 1]);
  EXPECT_EQ(parse_exif(swapped).user_comment, "a cat");
}

TEST(Exif, KeepsWithinItsLimit) {
  const Exif exif{.user_comment = std::string(300, 'x'), .maker_note = std::string(300, 'y')};
  const Exif some = parse_exif(format_exif(exif, 800));
  EXPECT_EQ(some.user_comment.size(), 300u);
  EXPECT_TRUE(some.maker_note.empty());
  EXPECT_LE(format_exif(exif, 400).size(), 400u);
  EXPECT_GT(parse_exif(format_exif(exif, 400)).user_comment.size(), 100u);
}

TEST(Exif, TakesAnyBytes) {
  const std::string whole = format_exif({.user_comment = "a cat", .maker_note = "tempera"}, 1000);
  for (size_t i = 0; i < whole.size(); ++i) {
    parse_exif(whole.substr(0, i));
    for (const char byte : {'\0', '\x7F', '\xFF'}) {
      std::string changed = whole;
      changed[i] = byte;
      parse_exif(changed);
    }
  }
}

}  // namespace
}  // namespace tempera::diffusion
