#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "frontend/checkpoint/activation.h"

namespace tempera::frontend {

// One resolution of the UNet. Down block i and the up block that mirrors it share these.
struct UnetLevel {
  int64_t channels = 0;
  int64_t layers = 2;                 // resnets of the down block; the up block has one more
  int64_t heads = 8;                  // attention heads; a head is channels / heads wide
  bool only_cross_attention = false;  // attn1 attends to the text too
};

// diffusers' UNet2DConditionModel with DownBlock2D, CrossAttnDownBlock2D, UNetMidBlock2DCrossAttn,
// UpBlock2D and CrossAttnUpBlock2D; the defaults are that class's.
struct UnetConfig {
  int64_t sample_height = 0,
          sample_width = 0;  // of the latent the model was trained on; 0 if the config names none
  int64_t in_channels = 4;
  int64_t out_channels = 4;
  bool center_input_sample = false;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  int64_t time_embedding_dim =
      0;  // resolved: 4 times the first level's channels if the config names none
  std::vector<UnetLevel> levels;         // from the largest resolution to the smallest
  std::vector<bool> down_has_attention;  // by down block
  std::vector<bool> up_has_attention;    // by up block, from the smallest resolution to the largest
  bool has_mid_block = true;
  int64_t downsample_padding = 1;  // 0 pads right and bottom only
  double mid_block_scale_factor = 1;
  Activation act_fn = Activation::silu;
  int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  int64_t cross_attention_dim = 1280;
  bool use_linear_projection = false;
  int64_t conv_in_kernel = 3, conv_out_kernel = 3;
};

// Errors as parse_clip_text_config. `attention_head_dim` is the number of heads where
// `num_attention_heads` is absent: a misnomer of SD 1.5's configs that diffusers keeps.
Result<UnetConfig> parse_unet_config(const Json& json, const std::string& file);

}  // namespace tempera::frontend
