#include <gtest/gtest.h>

#include "api/run/generate.h"

namespace tempera::api {
namespace {

ModelInfo model() {
  ModelInfo info;
  info.name = "m";
  info.weights = {{"text_encoder", "t"}, {"unet", "u"}, {"vae", "v"}};
  info.tokenizer_folder = "tokenizer";
  info.scheduler_config = "scheduler_config.json";
  info.unet_channels = info.latent_channels = 4;
  info.sample_height = info.sample_width = 64;
  return info;
}

GenerateSettings seeded() {
  GenerateSettings settings;
  settings.seeds = {5};
  return settings;
}

TEST(Resolve, TheProgramsDefaults) {
  const auto request = resolve(seeded(), model());
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->width, 512);
  EXPECT_EQ(request->sampler.sampler, "dpm++2m");
  EXPECT_EQ(request->sampler.schedule, std::nullopt) << "the sampler's own, karras";
  EXPECT_EQ(request->sampler.steps, 20);
  EXPECT_EQ(request->guidance_scale, 7.5);
}

TEST(Resolve, TheModelsDefaultsComeBeforeTheProgramsAndAfterTheUsers) {
  ModelInfo info = model();
  info.defaults = {.width = 128, .height = 64, .steps = 8, .guidance_scale = 5.0};
  GenerateSettings settings = seeded();
  settings.height = 96;
  const auto request = resolve(settings, info);
  EXPECT_EQ(request->width, 128);
  EXPECT_EQ(request->height, 96);
  EXPECT_EQ(request->sampler.steps, 8);
  EXPECT_EQ(request->guidance_scale, 5.0);
}

TEST(Resolve, AModelsScheduleIsForItsOwnSampler) {
  ModelInfo info = model();
  info.defaults.schedule = "karras";
  EXPECT_EQ(resolve(seeded(), info)->sampler.schedule, diffusion::Schedule::karras);
  GenerateSettings settings = seeded();
  settings.sampler = "ddim";
  EXPECT_EQ(resolve(settings, info)->sampler.schedule, std::nullopt);
}

TEST(Resolve, OneSeedCountsUpAndSeveralAreOneAPicture) {
  GenerateSettings settings = seeded();
  settings.batch_size = 3;
  EXPECT_EQ(resolve(settings, model())->seeds, (std::vector<uint64_t>{5, 6, 7}));
  settings.seeds = {5, 9};
  settings.batch_size.reset();
  EXPECT_EQ(resolve(settings, model())->seeds, (std::vector<uint64_t>{5, 9}));
}

TEST(Resolve, RefusesSizesThatDoNotFit) {
  GenerateSettings settings = seeded();
  settings.width = 100;
  EXPECT_EQ(
      resolve(settings, model()).error().message,
      "the size 100x512 does not fit this model: width and height must be multiples of 8 from "
      "8 to 16384");
}

TEST(Resolve, RefusesLatentsOfAnotherShape) {
  GenerateSettings settings = seeded();
  settings.initial_latents = Tensor(DType::f32, {1, 4, 32, 64});
  EXPECT_EQ(
      resolve(settings, model()).error().message,
      "the initial latents are f32 [1, 4, 32, 64], but a batch of 1 pictures of 512x512 takes "
      "f32 [1, 4, 64, 64]");
}

TEST(Resolve, RefusesModelsThatMakeNoPictureFromText) {
  ModelInfo info = model();
  info.unet_channels = 8;
  EXPECT_EQ(resolve(seeded(), info).error().code, ErrorCode::unsupported);
  info = model();
  info.weights.erase("vae");
  EXPECT_EQ(resolve(seeded(), info).error().message,
            "m has no vae; making a picture takes text_encoder, unet and vae");
}

TEST(ModelDefaults, RefuseAnUnknownField) {
  const auto json = parse_json(R"({"defaults": {"stepz": 3}})", "tempera.json");
  EXPECT_EQ(parse_model_defaults(*json, "tempera.json").error().message,
            "tempera.json: unknown default 'stepz'");
}

TEST(ModelInfo, ReadsBackWhatItWrote) {
  ModelInfo info = model();
  info.components = {"unet"};
  info.defaults.steps = 7;
  const auto read = model_info_from_json(to_json(info), "/a", "model.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->tokenizer_folder, "/a/tokenizer");
  EXPECT_EQ(read->weights, info.weights);
  EXPECT_EQ(read->defaults.steps, 7);
}

}  // namespace
}  // namespace tempera::api
