#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "frontend/checkpoint/activation.h"

namespace tempera::frontend {

// diffusers' AutoencoderKL; the defaults are that class's. Blocks are
// Down/UpEncoder/DecoderBlock2D.
struct VaeConfig {
  int64_t in_channels = 3;
  int64_t out_channels = 3;
  int64_t latent_channels = 4;
  std::vector<int64_t> block_out_channels = {64};
  int64_t layers_per_block = 1;
  Activation act_fn = Activation::silu;
  int64_t norm_num_groups = 32;
  int64_t sample_size = 32;
  // A latent of the diffusion model is (encoded - shift_factor) * scaling_factor.
  double scaling_factor = 0.18215;
  double shift_factor = 0;
  bool use_quant_conv = true;
  bool use_post_quant_conv = true;
  bool mid_block_add_attention = true;
};

// Pixels a side for one latent element.
int64_t downscaling(const VaeConfig& config);

// Errors as parse_clip_text_config.
Result<VaeConfig> parse_vae_config(const Json& json, const std::string& file);

}  // namespace tempera::frontend
