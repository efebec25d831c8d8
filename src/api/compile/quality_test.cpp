#include "api/compile/quality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "diffusion/image/png.h"
#include "runtime/base64.h"

namespace tempera::api {
namespace {

diffusion::Image flat(uint8_t value) { return {4, 4, std::vector<uint8_t>(48, value)}; }

QualityRow row_of(const std::string& setting, double psnr, double seconds) {
  return {.setting = setting,
          .pictures = {{flat(1), psnr, 0.9}, {flat(2), psnr + 2, 0.8}},
          .denoise_seconds = seconds,
          .decode_seconds = 0.1};
}

Quality example() {
  return {.model = "a <model>",
          .samples = {{"a \"cat\" & <b>", 1}, {"a dog", 2}},
          .rows = {row_of("precision=f32", INFINITY, 4), row_of("deep-cache=2", 30, 2),
                   row_of("deep-cache=3", 25, 1.5), row_of("precision=bf16", 40, 2)}};
}

size_t count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator()));
}

TEST(QualityPage, HoldsEveryPictureAndNoOtherFile) {
  const auto page = quality_page(example());
  ASSERT_TRUE(page.ok()) << page.error().message;
  const std::regex source("src=\"data:image/png;base64,([^\"]*)\"");
  size_t pictures = 0;
  for (std::sregex_iterator at(page->begin(), page->end(), source), end; at != end; ++at) {
    const auto bytes = runtime::base64_decode((*at)[1].str());
    ASSERT_TRUE(bytes.has_value());
    const auto picture = diffusion::decode_png(
        {reinterpret_cast<const char*>(bytes->data()), bytes->size()}, "a picture");
    ASSERT_TRUE(picture.ok()) << picture.error().message;
    EXPECT_EQ(picture->image.pixels, flat(pictures < 4 ? 1 : 2).pixels);
    ++pictures;
  }
  EXPECT_EQ(pictures, 8U);
  EXPECT_EQ(count(*page, "src="), 8U);
  EXPECT_EQ(count(*page, "<script|<link|href="), 0U);
}

TEST(QualityPage, IsWellFormed) {
  const std::string page = *quality_page(example());
  for (const char* tag : {"html", "head", "body", "table", "tr", "td", "th", "div", "svg", "p"})
    EXPECT_EQ(count(page, std::string("<") + tag + "[ >]"),
              count(page, std::string("</") + tag + ">"))
        << tag;
  EXPECT_NE(page.find("a &lt;model&gt;"), std::string::npos);
  EXPECT_NE(page.find("a &quot;cat&quot; &amp; &lt;b&gt;"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
}

// PSNR and SSIM over time, and over the one flag that two settings give different numbers.
TEST(QualityPage, PlotsOverTimeAndOverEachNumber) {
  const std::string page = *quality_page(example());
  EXPECT_EQ(count(page, "<svg "), 4U);
  EXPECT_EQ(count(page, "over deep-cache"), 2U);
  EXPECT_EQ(count(page, "<circle"), 2 * 3U + 2 * 2U);
}

TEST(Quality, SumsUpARow) {
  const QualitySummary summary = summary_of(row_of("x", 30, 1));
  EXPECT_DOUBLE_EQ(summary.mean_psnr, 31);
  EXPECT_DOUBLE_EQ(summary.least_psnr, 30);
  EXPECT_DOUBLE_EQ(summary.least_ssim, 0.8);
  EXPECT_TRUE(to_json(example())["settings"][0]["mean_psnr"].is_null());
}

}  // namespace
}  // namespace tempera::api
