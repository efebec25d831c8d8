#include "diffusion/hires.h"

#include <gtest/gtest.h>

#include "diffusion/start.h"

namespace tempera::diffusion {
namespace {

TEST(UpscaleLatents, IsTorchsBilinearInterpolation) {
  const std::vector<float> planes = {1, 2, 4, 8, 3, -1};
  // torch.nn.functional.interpolate(planes as [1, 1, 2, 3], size=(3, 5), mode="bilinear")
  const std::vector<float> want = {1.0f, 1.4f, 2.0f, 3.2f, 4.0f, 4.5f, 3.7f, 2.5f,
                                   1.9f, 1.5f, 8.0f, 6.0f, 3.0f, 0.6f, -1.0f};
  const std::vector<float> got = upscale_latents(planes, {3, 2}, {5, 3});
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5);
}

TEST(Hires, TheSecondPassRunsTheStepsAskedFor) {
  SchedulerConfig config;
  config.beta_start = 0.00085;
  config.beta_end = 0.012;
  for (const double strength : {0.3, 0.5, 0.7, 0.9, 1.0})
    for (const int64_t steps : {0, 3, 10, 20}) {
      PictureRequest request;
      request.sampler = {.sampler = "euler", .steps = 12};
      request.hires = {.scale = 2, .steps = steps, .strength = strength};
      PictureRequest second = second_pass(request, 8);
      second.init.latents = {0};
      EXPECT_EQ(make_plan(second, config).value().timesteps.size(), steps == 0 ? 12 : steps)
          << strength << ", " << steps;
    }
}

TEST(Hires, TheSecondPassRunsTheStepsAskedForAsA1111Does) {
  SchedulerConfig config;
  config.beta_start = 0.00085;
  config.beta_end = 0.012;
  for (const double strength : {0.3, 0.7, 1.0}) {
    PictureRequest request;
    request.sampler = {.sampler = "euler", .steps = 12, .compat = Compat::a1111};
    request.hires = {.scale = 2, .steps = 5, .strength = strength};
    PictureRequest second = second_pass(request, 8);
    EXPECT_EQ(second.sampler.steps, 5);
    second.init.latents = {0};
    const SamplerPlan plan = make_plan(second, config).value();
    EXPECT_EQ(plan.timesteps.size(), 5u) << strength;
    EXPECT_EQ(plan.sigmas.size(), 6u) << strength;
  }
}

TEST(Hires, TheSecondPassGoesOnWithThePromptsSchedules) {
  PictureRequest request;
  request.sampler = {.sampler = "euler", .steps = 12};
  request.hires = {.scale = 2, .steps = 5};
  EXPECT_EQ(second_pass(request, 8).prompts.steps_before, 12);
}

TEST(Hires, SidesAreMultiplesOfTheModels) {
  PictureRequest request;
  request.width = 96;
  request.height = 64;
  request.hires.scale = 1.3;
  EXPECT_EQ(hires_size(request, 8), (Size{128, 80}));
}

TEST(Hires, OnlyLanczosNeedsThePicturesOfTheFirstPass) {
  PictureRequest request;
  request.hires = {.scale = 2};
  EXPECT_FALSE(first_pass(request).decodes);
  request.hires.upscaler = Upscaler::lanczos;
  EXPECT_TRUE(first_pass(request).decodes);
}

TEST(Hires, RefusesWhatIsOutOfRange) {
  for (const HiresInput& hires :
       {HiresInput{.scale = 0.5}, HiresInput{.scale = 9}, HiresInput{.scale = 2, .strength = 0},
        HiresInput{.scale = 2, .steps = -1}})
    EXPECT_FALSE(check(hires).ok());
  EXPECT_TRUE(check(HiresInput{}).ok());
}

}  // namespace
}  // namespace tempera::diffusion
