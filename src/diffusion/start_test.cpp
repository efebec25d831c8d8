#include "diffusion/start.h"

#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/random.h"

namespace tempera::diffusion {
namespace {

constexpr size_t kLatent = 24;  // of a picture of 24 x 16
constexpr double kFactor = 0.5;
using Values = std::vector<float>;

// An encoder whose mean is the mean of the planes, with deviation 2 everywhere.
struct FakeEncoder {
  int calls = 0;
  Values planes;
  Components components() {
    Components components;
    components.encode_image = [this](std::span<const float> from, std::span<float> moments) {
      ++calls;
      planes.assign(from.begin(), from.end());
      float mean = 0;
      for (const float value : from) mean += value / static_cast<float>(from.size());
      std::fill_n(moments.begin(), kLatent, mean);
      std::fill(moments.begin() + kLatent, moments.end(), 2 * std::log(2.0f));
      return Status();
    };
    return components;
  }
};

ModelSettings model(int64_t unet_channels = 4) {
  ModelSettings model;
  model.unet_channels = unet_channels;
  model.scaling_factor = kFactor;
  model.scheduler.beta_start = 0.00085;
  model.scheduler.beta_end = 0.012;
  model.scheduler.beta_schedule = BetaSchedule::scaled_linear;
  return model;
}

// White, of which the left 8 columns are kept where there is a mask.
PictureRequest request(double strength, bool has_mask) {
  PictureRequest request;
  request.width = 24;
  request.height = 16;
  request.seeds = {7};
  request.sampler = {.sampler = "euler", .steps = 4};
  request.init.images = {Image{24, 16, std::vector<uint8_t>(24 * 16 * 3, 255)}};
  request.init.strength = strength;
  for (int64_t i = 0; has_mask && i < 24 * 16; ++i) request.mask.repaint.push_back(i % 24 >= 8);
  return request;
}

// What torch draws, tensor by tensor.
std::vector<Values> draws(size_t count) {
  TorchCpuGenerator generator(7);
  std::vector<Values> result(count, Values(kLatent));
  for (Values& draw : result) generator.normal(draw);
  return result;
}

struct Started {
  SamplerPlan plan;
  Start start;
  Values latents = Values(kLatent), next = Values(kLatent);  // next: what is drawn afterwards
};

Started run(const PictureRequest& request, const ModelSettings& settings, FakeEncoder& encoder) {
  Started result;
  result.plan = make_plan(request, settings.scheduler).value();
  NoiseSource noise(request.noise, request.seeds,
                    {settings.latent_channels, request.height / 8, request.width / 8});
  result.start =
      start(request, settings, encoder.components(), result.plan, noise, result.latents).value();
  noise.draw(result.next);
  return result;
}

TEST(Start, NoisesASampleOfTheInitImageAtTheLevelOfItsFirstStep) {
  FakeEncoder encoder;
  const Started got = run(request(0.5, false), model(), encoder);
  const std::vector<Values> drawn = draws(3);
  EXPECT_EQ(encoder.planes, Values(24 * 16 * 3, 1.0f));
  ASSERT_EQ(got.plan.timesteps.size(), 2u);
  for (size_t i = 0; i < kLatent; ++i) {
    const float sample = 0.5f * (1.0f + 2.0f * drawn[0][i]);
    EXPECT_NEAR(got.latents[i], sample + got.plan.sigmas[0] * drawn[1][i], 1e-4);
  }
  EXPECT_EQ(got.next, drawn[2]);
}

TEST(Start, WithAMaskAndAllStepsIsNoiseAloneAndPutsBackWhatIsKept) {
  FakeEncoder encoder;
  Started got = run(request(1.0, true), model(), encoder);
  const std::vector<Values> drawn = draws(4);
  EXPECT_TRUE(got.start.condition.empty());
  EXPECT_EQ(got.start.mask, (Values{0, 1, 1, 0, 1, 1}));
  for (size_t i = 0; i < kLatent; ++i)
    EXPECT_FLOAT_EQ(got.latents[i], got.plan.init_noise_sigma * drawn[1][i]);
  EXPECT_EQ(got.next, drawn[3]) << "the masked image's noise is drawn too, as diffusers does";

  Values latents(kLatent, 9.0f);
  put_back(got.start, got.plan, 2, latents);
  EXPECT_NEAR(latents[0], got.start.clean[0] + got.plan.sigmas[2] * drawn[1][0], 1e-4);
  EXPECT_EQ(latents[1], 9.0f);
  put_back(got.start, got.plan, got.plan.timesteps.size(), latents);
  EXPECT_EQ(latents[3], got.start.clean[3]) << "after the last step without noise";
}

TEST(Start, GivesAnInpaintingModelTheMaskAndTheMaskedImage) {
  FakeEncoder encoder;
  Started got = run(request(1.0, true), model(9), encoder);
  const std::vector<Values> drawn = draws(3);
  EXPECT_EQ(encoder.calls, 1) << "the whole image is not needed";
  EXPECT_FLOAT_EQ(encoder.planes[7], 1.0f);
  EXPECT_FLOAT_EQ(encoder.planes[8], 0.0f);
  for (size_t i = 0; i < kLatent; ++i)
    EXPECT_FLOAT_EQ(got.latents[i], got.plan.init_noise_sigma * drawn[0][i]);
  ASSERT_EQ(got.start.condition.size(), 6 + kLatent);
  EXPECT_EQ(Values(got.start.condition.begin(), got.start.condition.begin() + 6), got.start.mask);
  EXPECT_NEAR(got.start.condition[6], 0.5f * (1.0f / 3 + 2.0f * drawn[1][0]), 1e-4);
  EXPECT_EQ(got.next, drawn[2]);

  Values latents(kLatent, 9.0f);
  put_back(got.start, got.plan, 2, latents);
  EXPECT_EQ(latents, Values(kLatent, 9.0f)) << "the model sees what is kept";
}

TEST(Start, ShowsAnInpaintingModelGreyWithoutAnImage) {
  FakeEncoder encoder;
  PictureRequest asked = request(1.0, false);
  asked.init = {};
  const Started got = run(asked, model(9), encoder);
  EXPECT_EQ(encoder.planes, Values(24 * 16 * 3, 0.0f));
  EXPECT_EQ(got.start.mask, Values(6, 1.0f));
}

TEST(Start, FillsWhatIsRepaintedWithNoiseOrNothing) {
  const std::vector<Values> drawn = draws(2);
  for (const MaskFill fill : {MaskFill::noise, MaskFill::zero}) {
    FakeEncoder encoder;
    PictureRequest asked = request(0.5, true);
    asked.mask.fill = fill;
    const Started got = run(asked, model(), encoder);
    const float before = fill == MaskFill::noise ? drawn[1][1] : 0.0f;
    EXPECT_NEAR(got.latents[1], before + got.plan.sigmas[0] * drawn[1][1], 1e-4);
    EXPECT_NEAR(got.latents[0], got.start.clean[0] + got.plan.sigmas[0] * drawn[1][0], 1e-4);
  }
}

// x = latent + noise * sigmas[0] with the posterior's mean and the seed's first noise; one step
// more than strength * steps.
TEST(Start, AsA1111NoisesTheMeanByTheSeedsFirstNoise) {
  FakeEncoder encoder;
  PictureRequest asked = request(0.5, false);
  asked.sampler.compat = Compat::a1111;
  const Started got = run(asked, model(), encoder);
  const std::vector<Values> drawn = draws(2);
  ASSERT_EQ(got.plan.timesteps.size(), 3u);
  for (size_t i = 0; i < kLatent; ++i)
    EXPECT_NEAR(got.latents[i], 0.5f + got.plan.sigmas[0] * drawn[0][i], 1e-4);
  EXPECT_EQ(got.next, drawn[1]);
}

TEST(Start, AsA1111KeepsTheMasksOutsideInEachCallsResult) {
  FakeEncoder encoder;
  PictureRequest asked = request(1.0, true);
  asked.sampler.compat = Compat::a1111;
  Started got = run(asked, model(), encoder);
  const std::vector<Values> drawn = draws(1);
  for (size_t i = 0; i < kLatent; ++i)
    EXPECT_NEAR(got.latents[i], got.start.clean[i] + got.plan.sigmas[0] * drawn[0][i], 1e-3)
        << "all of the picture is there, at full strength too";
  Values output(kLatent, 7.0f);
  keep_in_output(got.start, got.plan, 0, got.latents, output);
  const float sigma = got.plan.sigmas[0];
  EXPECT_NEAR(got.latents[0] - sigma * output[0], got.start.clean[0], 1e-3) << "denoised is kept";
  EXPECT_EQ(output[1], 7.0f);
  Values latents(kLatent, 9.0f);
  put_back(got.start, got.plan, 1, latents);
  EXPECT_EQ(latents[0], 9.0f) << "not between the steps";
  put_back(got.start, got.plan, got.plan.timesteps.size(), latents);
  EXPECT_EQ(latents[0], got.start.clean[0]);
}

TEST(Start, RefusesAStrengthThatLeavesNoStep) {
  EXPECT_FALSE(make_plan(request(0.2, false), model().scheduler).ok());
}

}  // namespace
}  // namespace tempera::diffusion
