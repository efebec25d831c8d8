#include <gtest/gtest.h>

#include "api/run/run_component.h"

namespace tempera::api {
namespace {

ModelInfo tiny() {
  ModelInfo info;
  info.name = "tiny";
  info.components = {"text_encoder", "unet", "vae_decoder", "vae_encoder"};
  info.vocabulary = 10;
  info.text_tokens = 5;
  info.context_width = 3;
  info.unet_channels = 4;
  info.latent_channels = 4;
  return info;
}

Tensor f32(Shape shape) { return Tensor(DType::f32, std::move(shape)); }

NamedValues unet_inputs(Tensor timestep) {
  return {{"timestep", std::move(timestep)},
          {"sample", f32({2, 4, 6, 8})},
          {"encoder_hidden_states", f32({2, 5, 3})}};
}

TEST(BindInputs, TakesTheRequestFromTheShapes) {
  const auto bound = bind_inputs(tiny(), "unet", unet_inputs(f32({2})));
  ASSERT_TRUE(bound.ok()) << bound.error().message;
  EXPECT_EQ(
      bound->request,
      (ComponentRequest{.component = "unet", .batch = 2, .height = 6, .width = 8, .tokens = 5}));
  NamedValues guided = unet_inputs(f32({1}));
  guided[2].second = f32({4, 5, 3});
  EXPECT_EQ(
      bind_inputs(tiny(), "unet", guided)->request,
      (ComponentRequest{
          .component = "unet", .batch = 4, .height = 6, .width = 8, .tokens = 5, .repeat = 2}));
}

TEST(BindInputs, OneTimestepStandsForAllAndIntegersAreTaken) {
  for (const Shape& shape : {Shape{1}, Shape{}}) {
    const auto bound =
        bind_inputs(tiny(), "unet", unet_inputs(Tensor::of<int64_t>(DType::i64, shape, {501})));
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    EXPECT_EQ(bound->inputs[1].second, Tensor::of<float>(DType::f32, {2}, {501, 501}));
  }
}

TEST(BindInputs, WidensIds) {
  const auto bound = bind_inputs(
      tiny(), "text_encoder", {{"input_ids", Tensor::of<int64_t>(DType::i64, {1, 3}, {0, 9, 4})}});
  ASSERT_TRUE(bound.ok()) << bound.error().message;
  EXPECT_EQ(bound->inputs[0].second, Tensor::of<int32_t>(DType::i32, {1, 3}, {0, 9, 4}));
}

struct Mistake {
  const char* component;
  NamedValues inputs;
  const char* message;
};

TEST(BindInputs, NamesEveryMistake) {
  const Mistake mistakes[] = {
      {"unet",
       {{"sample", f32({1, 4, 8, 8})}},
       "input 'timestep' of unet is missing; it takes sample, timestep, encoder_hidden_states"},
      {"vae_decoder",
       {{"latents", f32({1, 4, 8, 8})}},
       "vae_decoder takes no input 'latents'; it takes latent"},
      {"vae_decoder",
       {{"latent", f32({1, 3, 8, 8})}},
       "input 'latent' has shape [1, 3, 8, 8], but [batch, 4, height, width] is wanted"},
      {"vae_decoder",
       {{"latent", f32({4, 8, 8})}},
       "input 'latent' has shape [4, 8, 8], but 4 dimensions is wanted"},
      {"vae_encoder",
       {{"image", f32({0, 3, 8, 8})}},
       "input 'image' has shape [0, 3, 8, 8], but no empty dimension is wanted"},
      {"text_encoder",
       {{"input_ids", Tensor::of<int64_t>(DType::i64, {1, 2}, {3, 10})}},
       "input 'input_ids' holds 10, which is not within the vocabulary's 0 to 9"},
      {"text_encoder",
       {{"input_ids", Tensor::of<int64_t>(DType::i64, {1, 1}, {-1})}},
       "input 'input_ids' holds -1, which is not within the vocabulary's 0 to 9"},
      {"text_encoder",
       {{"input_ids", f32({1, 2})}},
       "input 'input_ids' is f32, but takes i64 or i32"},
      {"unet", unet_inputs(f32({3})), "input 'timestep' has shape [3], but [1] or [2] is wanted"},
      {"clip",
       {},
       "tiny has no component 'clip'; it has text_encoder, unet, vae_decoder, vae_encoder"},
  };
  for (const Mistake& mistake : mistakes) {
    const auto bound = bind_inputs(tiny(), mistake.component, mistake.inputs);
    ASSERT_FALSE(bound.ok()) << mistake.message;
    EXPECT_EQ(bound.error().message, mistake.message);
  }
}

TEST(Timing, IsOfTheSample) {
  const Timing t = timing_of({4, 1, 3, 2});
  EXPECT_EQ(t.mean, 2.5);
  EXPECT_EQ(t.median, 2.5);
  EXPECT_EQ(t.min, 1);
  EXPECT_EQ(t.max, 4);
  EXPECT_NEAR(t.std, 1.2909944487, 1e-9);
  EXPECT_EQ(timing_of({7}).std, 0);
}

}  // namespace
}  // namespace tempera::api
