// The bundled model's pictures against those that diffusers made with it.
#include <gtest/gtest.h>

#include "base/json.h"
#include "diffusion/image/compare_images.h"
#include "diffusion/image/png.h"
#include "test/reference/golden.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

const std::string kModel = TEMPERA_SOURCE_DIR "/models/tempera-emoji";
constexpr double kLeastPsnr = 40;
// samples.png is a sheet in the order of samples.json: rows of six cells, a caption in each.
constexpr int64_t kColumns = 6, kCellWidth = 136, kCellHeight = 150, kMargin = 4, kSide = 128;

diffusion::Image picture_of_sheet(const diffusion::Image& sheet, int64_t index) {
  const int64_t left = index % kColumns * kCellWidth + kMargin;
  const int64_t top = index / kColumns * kCellHeight + kMargin;
  diffusion::Image picture{kSide, kSide, {}};
  for (int64_t y = 0; y < kSide; ++y) {
    const auto row = sheet.pixels.begin() + ((top + y) * sheet.width + left) * 3;
    picture.pixels.insert(picture.pixels.end(), row, row + kSide * 3);
  }
  return picture;
}

void expect_sample(const diffusion::Image& sheet, const Json& samples, int64_t index) {
  const Json& picture = samples["pictures"][index];
  const TempFolder folder;
  expect_program({"generate", picture["prompt"], "-m", kModel, "--sampler", "dpm++2m", "--schedule",
                  "discrete", "--steps", samples["steps"].dump(), "--guidance-scale",
                  samples["guidance_scale"].dump(), "--seed", picture["seed"].dump(), "-o",
                  folder.path("got.png")});
  const auto got = diffusion::read_png(folder.path("got.png"));
  ASSERT_TRUE(got.ok()) << got.error().message;
  ASSERT_EQ(got->image.width, kSide);
  ASSERT_EQ(got->image.height, kSide);
  const double decibels = diffusion::psnr(got->image, picture_of_sheet(sheet, index));
  std::printf("%5.1f dB  %s\n", decibels, picture["prompt"].get<std::string>().c_str());
  EXPECT_GE(decibels, kLeastPsnr) << picture["prompt"];
}

TEST(SamplePictures, AreThoseOfTheReference) {
  const auto sheet = diffusion::read_png(data_path("samples/samples.png"));
  const Result<Json> samples = read_json_file(kModel + "/samples.json");
  ASSERT_EQ(sheet->image.width, kColumns * kCellWidth);
  const auto count = static_cast<int64_t>((*samples)["pictures"].size());
  for (int64_t i = 0; i < count; ++i) expect_sample(sheet->image, *samples, i);
}

}  // namespace
}  // namespace tempera::test
