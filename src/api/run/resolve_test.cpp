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

TEST(Resolve, A1111HasSamplersAndSchedulesOfItsOwn) {
  ModelInfo info = model();
  info.defaults.sampler = "ddim";
  info.defaults.schedule = "karras";
  info.defaults.timestep_spacing = "trailing";
  GenerateSettings settings = seeded();
  settings.compat = diffusion::Compat::a1111;
  settings.k.s_churn = 0.5;
  const auto open = resolve(settings, info);
  ASSERT_TRUE(open.ok()) << open.error().message;
  EXPECT_EQ(open->sampler.compat, diffusion::Compat::a1111);
  EXPECT_EQ(open->sampler.sampler, "dpm++2m") << "AUTOMATIC1111 has its own ddim";
  EXPECT_EQ(open->sampler.schedule, std::nullopt) << "automatic";
  EXPECT_EQ(open->sampler.spacing, std::nullopt);
  EXPECT_EQ(open->sampler.k.s_churn, 0.5);
  settings.schedule = "align_your_steps";
  EXPECT_EQ(resolve(settings, info)->sampler.schedule, diffusion::Schedule::align_your_steps);
  settings.sampler = "dpm++sde";
  EXPECT_EQ(resolve(settings, info)->sampler.sampler, "dpm++sde");
  settings.compat = diffusion::Compat::diffusers;
  EXPECT_FALSE(resolve(settings, info).ok()) << "not of diffusers";
}

TEST(Resolve, OneSeedCountsUpAndSeveralAreOneAPicture) {
  GenerateSettings settings = seeded();
  settings.batch_size = 3;
  EXPECT_EQ(resolve(settings, model())->seeds, (std::vector<uint64_t>{5, 6, 7}));
  settings.seeds = {5, 9};
  settings.batch_size.reset();
  EXPECT_EQ(resolve(settings, model())->seeds, (std::vector<uint64_t>{5, 9}));
}

TEST(Resolve, HandsOnWhatASamplerTakes) {
  GenerateSettings settings = seeded();
  settings.sampler = "ddim";
  settings.schedule = "discrete";
  settings.timestep_spacing = "trailing";
  settings.prediction = "v";
  settings.eta = 0.5;
  settings.rescale_betas_zero_snr = true;
  settings.guidance_rescale = 0.7;
  settings.tiling = true;
  const auto request = resolve(settings, model());
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->sampler.spacing, diffusion::TimestepSpacing::trailing);
  EXPECT_EQ(request->sampler.prediction, diffusion::Prediction::v_prediction);
  EXPECT_EQ(request->sampler.eta, 0.5);
  EXPECT_TRUE(request->sampler.rescale_betas_zero_snr);
  EXPECT_EQ(request->guidance_rescale, 0.7);
  EXPECT_TRUE(request->tiling);
}

TEST(Resolve, ASamplerOfAnotherProgramTakesNothingFromTheModelsDefaults) {
  ModelInfo info = model();
  info.defaults.sampler = "unipc";  // AUTOMATIC1111 has another one
  info.defaults.schedule = "discrete";
  info.defaults.timestep_spacing = "trailing";
  GenerateSettings settings = seeded();
  settings.compat = diffusion::Compat::a1111;
  settings.k.s_churn = 2;
  const auto request = resolve(settings, info);
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->sampler.compat, diffusion::Compat::a1111);
  EXPECT_EQ(request->sampler.sampler, "dpm++2m");
  EXPECT_EQ(request->sampler.schedule, std::nullopt);
  EXPECT_EQ(request->sampler.spacing, std::nullopt);
  EXPECT_EQ(request->sampler.k.s_churn, 2);
}

TEST(Resolve, HandsOnWhereNoiseComesFrom) {
  GenerateSettings settings = seeded();
  settings.batch_size = 2;
  settings.batch_count = 2;
  settings.noise.rng = diffusion::Rng::cuda;
  settings.noise.variation_seed = 9;
  settings.noise.variation_strength = 0.25;
  const auto request = resolve(settings, model());
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(request->seeds, (std::vector<uint64_t>{5, 5, 5, 5}))
      << "the variation's seed counts up";
  EXPECT_EQ(request->noise.rng, diffusion::Rng::cuda);
  EXPECT_EQ(request->noise.variation_seed, 9);
  settings.noise.variation_strength = 2;
  EXPECT_FALSE(resolve(settings, model()).ok());
}

TEST(Resolve, ASecondPassFitsTheModel) {
  GenerateSettings settings = seeded();
  settings.hires = {.scale = 1.5, .steps = 4, .strength = 0.5};
  const auto request = resolve(settings, model());
  ASSERT_TRUE(request.ok()) << request.error().message;
  EXPECT_EQ(diffusion::hires_size(*request, 8).width, 768);
  EXPECT_EQ(request->hires.steps, 4);
  settings.hires.scale = 8;
  settings.width = 4096;
  EXPECT_EQ(resolve(settings, model()).error().code, ErrorCode::invalid_argument);
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
  info.prefers_ema = true;
  const auto read = model_info_from_json(to_json(info), "/a", "model.json");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->tokenizer_folder, "/a/tokenizer");
  EXPECT_EQ(read->weights, info.weights);
  EXPECT_TRUE(read->prefers_ema);
  EXPECT_EQ(read->defaults.steps, 7);
}

}  // namespace
}  // namespace tempera::api
