#include "cli/generate/setting.h"

#include <gtest/gtest.h>

#include "test/temp_folder.h"

namespace tempera::cli {
namespace {

TEST(Setting, IsFlagsOfGenerate) {
  const auto setting = parse_setting("precision=f32  steps=7 sampler=euler");
  ASSERT_TRUE(setting.ok()) << setting.error().message;
  EXPECT_EQ(setting->compile.precision, "f32");
  EXPECT_EQ(setting->picture.steps, 7);
  EXPECT_EQ(setting->picture.sampler, "euler");
  EXPECT_FALSE(setting->picture.width.has_value());
}

TEST(Setting, MayLeaveOutWork) {
  const auto setting = parse_setting("deep-cache=2 token-merging-mlp token-merging-ratio=0.5");
  ASSERT_TRUE(setting.ok()) << setting.error().message;
  EXPECT_EQ(setting->picture.saving.deep_cache, 2);
  EXPECT_EQ(setting->picture.saving.token_merging.ratio, 0.5);
  EXPECT_TRUE(setting->picture.saving.token_merging.mlp);
}

TEST(Setting, TakesAdaptersInitImagesAndASecondPass) {
  const test::TempFolder folder;
  const std::string lora = folder.write("style.safetensors", "");
  const auto setting =
      parse_setting("lora=" + lora +
                    ":0.5 taesd=small.safetensors embedding-dir=words init-image=a.png "
                    "strength=0.5 hires=2 hires-upscaler=lanczos");
  ASSERT_TRUE(setting.ok()) << setting.error().message;
  ASSERT_EQ(setting->compile.loras.size(), 1u);
  EXPECT_EQ(setting->compile.taesd, "small.safetensors");
  EXPECT_EQ(setting->picture.embedding_folder, "words");
  EXPECT_EQ(setting->picture.init.image, "a.png");
  EXPECT_EQ(setting->picture.init.strength, 0.5);
  EXPECT_EQ(setting->picture.hires.scale, 2);
  EXPECT_EQ(setting->picture.hires.upscaler, diffusion::Upscaler::lanczos);
  EXPECT_EQ(parse_setting("hires-steps=3").error().code, ErrorCode::invalid_argument);
}

TEST(Setting, RefusesWhatGenerateDoesNotHave) {
  EXPECT_EQ(parse_setting("stpes=7").error().message,
            "the setting 'stpes=7': generate has no flag '--stpes'; did you mean '--steps'?");
  EXPECT_EQ(parse_setting("steps=many").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(parse_setting("steps").error().code, ErrorCode::invalid_argument);
}

TEST(Setting, HasNoPromptOrSeed) {
  for (const char* text : {"seed=1", "prompt-file=x", "batch-size=2", "wildcard-dir=x"})
    EXPECT_EQ(parse_setting(text).error().message,
              fmt::format("the setting '{}': prompts and seeds are those of the samples", text));
}

}  // namespace
}  // namespace tempera::cli
