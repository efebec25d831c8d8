#include "frontend/checkpoint/vae_config.h"

#include "base/text.h"

namespace tempera::frontend {
namespace {

void check_blocks(ConfigReader& config, std::string_view key, std::string_view only, size_t count) {
  const std::vector<std::string> types = config.texts(key, {std::string(only)});
  config.require(
      types.size() == count, ErrorCode::data_loss,
      fmt::format("'{}' has {} entries, block_out_channels {}", key, types.size(), count));
  for (const std::string& type : types)
    config.require(type == only, ErrorCode::unsupported,
                   fmt::format("field '{}' holds {}, which is not supported yet, only '{}'", key,
                               quote(type), only));
}

void check_class(ConfigReader& config) {
  config.require_text("_class_name", "AutoencoderKL", "a VAE of this class");
  config.refuse_present("latents_mean", "a per-channel mean of the latents");
  config.refuse_present("latents_std", "a per-channel deviation of the latents");
}

void check_values(ConfigReader& config, const VaeConfig& c) {
  for (const int64_t channels : c.block_out_channels)
    config.require(channels % c.norm_num_groups == 0, ErrorCode::data_loss,
                   fmt::format("{} channels cannot be normalised in {} groups (norm_num_groups)",
                               channels, c.norm_num_groups));
  config.require(
      c.latent_channels == 4, ErrorCode::unsupported,
      fmt::format(
          "latent_channels is {}: a VAE of SD3, FLUX or another family is not supported yet, only "
          "those of SD 1.x and 2.x with 4",
          c.latent_channels));
  config.require(c.scaling_factor != 0, ErrorCode::data_loss, "scaling_factor is 0");
}

}  // namespace

int64_t downscaling(const VaeConfig& config) {
  return int64_t{1} << (config.block_out_channels.size() - 1);
}

Result<VaeConfig> parse_vae_config(const Json& json, const std::string& file) {
  ConfigReader config(json, file);
  check_class(config);
  VaeConfig c;
  c.in_channels = config.integer("in_channels", c.in_channels);
  c.out_channels = config.integer("out_channels", c.out_channels);
  c.latent_channels = config.integer("latent_channels", c.latent_channels);
  c.block_out_channels = config.integers("block_out_channels", c.block_out_channels);
  c.layers_per_block = config.integer("layers_per_block", c.layers_per_block, 1, 64);
  c.act_fn = read_activation(config, "act_fn", "silu");
  c.norm_num_groups = config.integer("norm_num_groups", c.norm_num_groups);
  c.sample_size = config.integers("sample_size", {c.sample_size}).front();
  c.scaling_factor = config.number("scaling_factor", c.scaling_factor);
  c.shift_factor = config.number("shift_factor", c.shift_factor);
  c.use_quant_conv = config.boolean("use_quant_conv", c.use_quant_conv);
  c.use_post_quant_conv = config.boolean("use_post_quant_conv", c.use_post_quant_conv);
  c.mid_block_add_attention = config.boolean("mid_block_add_attention", c.mid_block_add_attention);
  check_blocks(config, "down_block_types", "DownEncoderBlock2D", c.block_out_channels.size());
  check_blocks(config, "up_block_types", "UpDecoderBlock2D", c.block_out_channels.size());
  check_values(config, c);
  TRY(config.status());
  return c;
}

}  // namespace tempera::frontend
