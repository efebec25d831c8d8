#include <gtest/gtest.h>

#include "base/file.h"
#include "frontend/checkpoint/clip_text_config.h"
#include "frontend/checkpoint/model_index.h"
#include "frontend/checkpoint/unet_config.h"
#include "frontend/checkpoint/vae_config.h"

namespace tempera::frontend {
namespace {

Json json(const std::string& text) { return *parse_json(text, "test"); }

Result<UnetConfig> unet(const std::string& text) {
  return parse_unet_config(json(text), "unet/config.json");
}
Result<VaeConfig> vae(const std::string& text) {
  return parse_vae_config(json(text), "vae/config.json");
}
Result<ClipTextConfig> clip(const std::string& text) {
  return parse_clip_text_config(json(text), "text_encoder/config.json");
}

TEST(UnetConfig, AbsentFieldsHaveTheDefaultsOfDiffusersClass) {
  const Result<UnetConfig> config = unet("{}");
  ASSERT_TRUE(config.ok()) << config.error().message;
  ASSERT_EQ(config->levels.size(), 4u);
  EXPECT_EQ(config->levels[0].channels, 320);
  EXPECT_EQ(config->levels[3].channels, 1280);
  EXPECT_EQ(config->levels[0].layers, 2);
  EXPECT_EQ(config->levels[0].heads, 8);
  EXPECT_EQ(config->time_embedding_dim, 1280);
  EXPECT_EQ(config->cross_attention_dim, 1280);
  EXPECT_EQ(config->down_has_attention, (std::vector<bool>{true, true, true, false}));
  EXPECT_EQ(config->up_has_attention, (std::vector<bool>{false, true, true, true}));
  EXPECT_TRUE(config->has_mid_block);
  EXPECT_FALSE(config->use_linear_projection);
}

TEST(UnetConfig, AttentionHeadDimIsTheNumberOfHeadsUnlessThatIsGiven) {
  EXPECT_EQ(unet(R"({"attention_head_dim": 4, "num_attention_heads": null})")->levels[1].heads, 4);
  EXPECT_EQ(unet(R"({"attention_head_dim": [5, 10, 20, 20]})")->levels[2].heads, 20);
  EXPECT_EQ(unet(R"({"attention_head_dim": 64, "num_attention_heads": 16})")->levels[0].heads, 16);
}

TEST(UnetConfig, NullMidBlockIsNone) {
  EXPECT_FALSE(unet(R"({"mid_block_type": null})")->has_mid_block);
}

TEST(UnetConfig, SampleSizeIsASideOrAPair) {
  EXPECT_EQ(unet(R"({"sample_size": 64})")->sample_width, 64);
  EXPECT_EQ(unet(R"({"sample_size": [48, 72]})")->sample_height, 48);
  EXPECT_EQ(unet(R"({"sample_size": [48, 72]})")->sample_width, 72);
  EXPECT_EQ(unet("{}")->sample_width, 0);
}

struct Refusal {
  const char* text;
  ErrorCode code;
  const char* message;  // without the file's name
};

TEST(UnetConfig, RefusesWhatIsNotThereByName) {
  const Refusal cases[] = {
      {R"({"_class_name": "ControlNetModel"})", ErrorCode::unsupported,
       "ControlNet is not supported yet"},
      {R"({"addition_embed_type": "text_time"})", ErrorCode::unsupported,
       "field 'addition_embed_type' is 'text_time': SDXL is not supported yet"},
      {R"({"encoder_hid_dim_type": "ip_image_proj"})", ErrorCode::unsupported,
       "field 'encoder_hid_dim_type' is 'ip_image_proj': IP-Adapter is not supported yet"},
      {R"({"in_channels": 8})", ErrorCode::unsupported,
       "in_channels is 8: InstructPix2Pix is not supported yet"},
      {R"({"in_channels": 5})", ErrorCode::unsupported,
       "in_channels is 5: a depth-conditioned model (SD 2 depth) is not supported yet"},
      {R"({"time_cond_proj_dim": 256})", ErrorCode::unsupported,
       "field 'time_cond_proj_dim' is '256': guidance embedding (distilled LCM UNets) is not "
       "supported yet"},
      {R"({"transformer_layers_per_block": [1, 2, 10, 10]})", ErrorCode::unsupported,
       "field 'transformer_layers_per_block' holds 2, only 1 is supported yet"},
      {R"({"down_block_types": ["AttnDownBlock2D"]})", ErrorCode::unsupported,
       "field 'down_block_types' holds 'AttnDownBlock2D', which is not supported yet; "
       "'DownBlock2D' and "
       "'CrossAttnDownBlock2D' are"},
      {R"({"act_fn": "mish"})", ErrorCode::unsupported,
       "field 'act_fn' is 'mish', which is not supported yet; silu, relu, gelu, gelu_pytorch_tanh "
       "and quick_gelu are"},
      {R"({"dual_cross_attention": true})", ErrorCode::unsupported,
       "field 'dual_cross_attention' is true: dual cross attention is not supported yet"},
      {R"({"attention_type": "gated"})", ErrorCode::unsupported,
       "field 'attention_type' is 'gated': gated attention (GLIGEN) is not supported yet, only "
       "'default'"},
      {R"({"block_out_channels": [320, 640]})", ErrorCode::data_loss,
       "4 down blocks and 4 up blocks for 2 block_out_channels"},
      {R"({"norm_num_groups": 48})", ErrorCode::data_loss,
       "320 channels cannot be normalised in 48 groups (norm_num_groups)"},
      {R"({"attention_head_dim": 7})", ErrorCode::data_loss,
       "320 channels cannot be split into 7 attention heads"},
      {R"({"layers_per_block": 0})", ErrorCode::data_loss,
       "field 'layers_per_block' holds 0, expected 1 to 1048576"},
      {R"({"block_out_channels": [9223372036854775807]})", ErrorCode::data_loss,
       "field 'block_out_channels' holds 9223372036854775807, expected 1 to 1048576"},
      {R"({"block_out_channels": []})", ErrorCode::data_loss,
       "field 'block_out_channels' has 0 entries, expected 1 to 64"},
      {R"({"norm_eps": "small"})", ErrorCode::data_loss,
       "field 'norm_eps' must be a number, not string"},
  };
  for (const Refusal& refusal : cases) {
    const Result<UnetConfig> config = unet(refusal.text);
    ASSERT_FALSE(config.ok()) << refusal.text;
    EXPECT_EQ(config.error().message, std::string("unet/config.json: ") + refusal.message);
    EXPECT_EQ(config.error().code, refusal.code) << refusal.text;
  }
}

TEST(ClipTextConfig, AbsentFieldsHaveTheDefaultsOfTransformersClass) {
  const Result<ClipTextConfig> config = clip("{}");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->hidden_size, 512);
  EXPECT_EQ(config->num_hidden_layers, 12);
  EXPECT_EQ(config->max_position_embeddings, 77);
  EXPECT_EQ(config->hidden_act, Activation::quick_gelu);
  EXPECT_EQ(config->eos_token_id, 49407);
}

TEST(ClipTextConfig, RefusesOtherEncodersAndContradictions) {
  const Refusal cases[] = {
      {R"({"architectures": ["CLIPTextModelWithProjection"]})", ErrorCode::unsupported,
       "a CLIPTextModelWithProjection is the text encoder of SDXL and later models, which are not "
       "supported yet"},
      {R"({"architectures": ["T5EncoderModel"]})", ErrorCode::unsupported,
       "text encoders of class 'T5EncoderModel' are not supported, only CLIPTextModel"},
      {R"({"hidden_size": 512, "num_attention_heads": 7})", ErrorCode::data_loss,
       "hidden_size 512 is not a multiple of num_attention_heads 7"},
      {R"([1])", ErrorCode::data_loss, "expected an object"},
  };
  for (const Refusal& refusal : cases) {
    const Result<ClipTextConfig> config = clip(refusal.text);
    ASSERT_FALSE(config.ok()) << refusal.text;
    EXPECT_EQ(config.error().message, std::string("text_encoder/config.json: ") + refusal.message);
    EXPECT_EQ(config.error().code, refusal.code);
  }
}

TEST(VaeConfig, AbsentFieldsHaveTheDefaultsOfDiffusersClass) {
  const Result<VaeConfig> config = vae("{}");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->block_out_channels, std::vector<int64_t>{64});
  EXPECT_EQ(config->layers_per_block, 1);
  EXPECT_EQ(config->scaling_factor, 0.18215);
  EXPECT_TRUE(config->use_quant_conv);
  EXPECT_EQ(downscaling(*config), 1);
}

TEST(VaeConfig, RefusesOtherFamilies) {
  const Refusal cases[] = {
      {R"({"latent_channels": 16})", ErrorCode::unsupported,
       "latent_channels is 16: a VAE of SD3, FLUX or another family is not supported yet, only "
       "those of SD 1.x and 2.x "
       "with 4"},
      {R"({"_class_name": "AutoencoderTiny"})", ErrorCode::unsupported,
       "field '_class_name' is 'AutoencoderTiny': a VAE of this class is not supported yet, only "
       "'AutoencoderKL'"},
      {R"({"down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"]})",
       ErrorCode::data_loss, "'down_block_types' has 2 entries, block_out_channels 1"},
  };
  for (const Refusal& refusal : cases) {
    const Result<VaeConfig> config = vae(refusal.text);
    ASSERT_FALSE(config.ok()) << refusal.text;
    EXPECT_EQ(config.error().message, std::string("vae/config.json: ") + refusal.message);
    EXPECT_EQ(config.error().code, refusal.code);
  }
}

TEST(ModelIndex, RefusesPipelinesByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"_class_name": "StableDiffusionXLPipeline"})",
       "this is a 'StableDiffusionXLPipeline': SDXL is not supported yet"},
      {R"({"_class_name": "StableDiffusionControlNetPipeline"})",
       "this is a 'StableDiffusionControlNetPipeline': ControlNet is not supported yet"},
      {R"({"_class_name": "FluxPipeline"})", "this is a 'FluxPipeline': FLUX is not supported yet"},
      {R"({"_class_name": "DDPMPipeline"})",
       "pipelines of class 'DDPMPipeline' are not supported, only StableDiffusionPipeline and its "
       "kind"},
      {R"({"_class_name": "StableDiffusionPipeline", "controlnet": ["diffusers", "ControlNetModel"]})",
       "component 'controlnet' is 'ControlNetModel': ControlNet is not supported yet"},
  };
  for (const auto& [text, message] : cases) {
    const Result<ModelIndex> index = parse_model_index(json(text), "model_index.json");
    ASSERT_FALSE(index.ok()) << text;
    EXPECT_EQ(index.error().message, std::string("model_index.json: ") + message);
    EXPECT_EQ(index.error().code, ErrorCode::unsupported);
  }
}

TEST(ModelIndex, LeavesOutNullComponents) {
  const Result<ModelIndex> index = parse_model_index(
      json(
          R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
               "text_encoder_2": [null, null], "requires_safety_checker": false})"),
      "model_index.json");
  ASSERT_TRUE(index.ok());
  EXPECT_EQ(index->classes, (std::map<std::string, std::string>{{"unet", "UNet2DConditionModel"}}));
}

}  // namespace
}  // namespace tempera::frontend
