#include "api/run/samples.h"

#include <gtest/gtest.h>

#include "test/temp_folder.h"

namespace tempera::api {
namespace {

using test::TempFolder;

TEST(Samples, OfTheBundledModel) {
  const auto samples = read_samples(std::string(TEMPERA_SOURCE_DIR) + "/models/tempera-emoji");
  ASSERT_TRUE(samples.ok()) << samples.error().message;
  EXPECT_EQ(samples->pictures.size(), 36U);
  EXPECT_EQ(samples->pictures[0].prompt, "a red heart");
  EXPECT_EQ(samples->pictures[0].seed, 1000U);
  EXPECT_EQ(samples->settings.steps, 20);
  const auto sampler = diffusion::find_sampler(*samples->settings.sampler);
  ASSERT_TRUE(sampler.ok()) << sampler.error().message;
  EXPECT_EQ(sampler->sampler->name, "dpm++2m");
}

TEST(Samples, AModelWithoutAFileHasSome) {
  const TempFolder folder;
  EXPECT_GT(read_samples(folder.path())->pictures.size(), 1U);
}

TEST(Samples, AFileOfAnotherFormIsNamed) {
  for (const char* text : {"[]", "{}", R"({"pictures": []})", R"({"pictures": [{"prompt": "x"}]})",
                           R"({"steps": "x", "pictures": [{"prompt": "x", "seed": 1}]})",
                           R"({"pictures": [{"prompt": "x", "seed": -1}]})"}) {
    const TempFolder folder;
    const std::string file = folder.write("samples.json", text);
    const auto samples = read_samples(folder.path());
    ASSERT_FALSE(samples.ok()) << text;
    EXPECT_TRUE(samples.error().message.starts_with(file)) << samples.error().message;
  }
}

TEST(Samples, WhatASettingSaysGoesFirst) {
  const Samples samples{.settings = {.steps = 20, .guidance_scale = 5.0},
                        .pictures = {{"a cat", 7}}};
  const GenerateSettings settings = settings_of(samples, samples.pictures[0], {.steps = 3});
  EXPECT_EQ(settings.prompt, "a cat");
  EXPECT_EQ(settings.seeds, std::vector<uint64_t>{7});
  EXPECT_EQ(settings.steps, 3);
  EXPECT_EQ(settings.guidance_scale, 5.0);
}

}  // namespace
}  // namespace tempera::api
