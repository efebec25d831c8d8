#include "frontend/checkpoint/unet_config.h"

#include <algorithm>

#include "base/text.h"

namespace tempera::frontend {
namespace {

// What the product does not have, by the field that asks for it.
void refuse_other_models(ConfigReader& config) {
  const std::string class_name = config.text("_class_name", "UNet2DConditionModel");
  config.require(class_name != "ControlNetModel", ErrorCode::unsupported,
                 "ControlNet is not supported yet");
  config.require_text("_class_name", "UNet2DConditionModel", "a denoiser of this class");
  config.require(config.text("addition_embed_type", "") != "text_time", ErrorCode::unsupported,
                 "field 'addition_embed_type' is 'text_time': SDXL is not supported yet");
  config.refuse_present("addition_embed_type", "an additional embedding");
  config.require(
      config.text("encoder_hid_dim_type", "") != "ip_image_proj", ErrorCode::unsupported,
      "field 'encoder_hid_dim_type' is 'ip_image_proj': IP-Adapter is not supported yet");
  config.refuse_present("encoder_hid_dim_type", "a projection of the text embedding");
  config.refuse_present("encoder_hid_dim", "a projection of the text embedding");
  config.refuse_present("class_embed_type", "a class embedding (upscalers, unCLIP)");
  config.refuse_present("num_class_embeds", "a class embedding (upscalers, unCLIP)");
  config.refuse_present("time_cond_proj_dim", "guidance embedding (distilled LCM UNets)");
}

void refuse_variants(ConfigReader& config) {
  config.refuse_present("timestep_post_act", "an activation after the time embedding");
  config.refuse_present("time_embedding_act_fn", "an activation of the time embedding");
  config.refuse_present("cross_attention_norm", "a normalised text embedding");
  config.refuse_present("reverse_transformer_layers_per_block",
                        "another transformer depth a block");
  config.require_text("time_embedding_type", "positional", "this time embedding");
  config.require_text("resnet_time_scale_shift", "default", "this use of the time embedding");
  config.require_text("attention_type", "default", "gated attention (GLIGEN)");
  config.require_false("dual_cross_attention", "dual cross attention");
  config.require_false("resnet_skip_time_act", "skipping the time embedding's activation");
  for (const int64_t depth : config.integers("transformer_layers_per_block", {1}))
    config.require(
        depth == 1, ErrorCode::unsupported,
        fmt::format("field 'transformer_layers_per_block' holds {}, only 1 is supported yet",
                    depth));
}

void check_channels(ConfigReader& config, const UnetConfig& c) {
  const auto refuse = [&](int64_t channels, std::string_view what) {
    config.require(c.in_channels != channels, ErrorCode::unsupported,
                   fmt::format("in_channels is {}: {} is not supported yet", channels, what));
  };
  refuse(5, "a depth-conditioned model (SD 2 depth)");
  refuse(7, "the 4x upscaler");
  refuse(8, "InstructPix2Pix");
  config.require(
      c.in_channels == 4 || c.in_channels == 9, ErrorCode::unsupported,
      fmt::format("in_channels is {}; 4 (text to image) and 9 (inpainting) are supported",
                  c.in_channels));
}

// For each block whether it has attention; `plain` and `crossed` are the two types that exist.
std::vector<bool> read_block_types(ConfigReader& config, std::string_view key,
                                   std::string_view plain, std::string_view crossed,
                                   const std::vector<bool>& fallback) {
  std::vector<std::string> names;
  for (const bool attention : fallback) names.emplace_back(attention ? crossed : plain);
  std::vector<bool> attention;
  for (const std::string& name : config.texts(key, names)) {
    config.require(name == plain || name == crossed, ErrorCode::unsupported,
                   fmt::format("field '{}' holds {}, which is not supported yet; '{}' and '{}' are",
                               key, quote(name), plain, crossed));
    attention.push_back(name == crossed);
  }
  return attention;
}

void read_levels(ConfigReader& config, UnetConfig& c) {
  const std::vector<int64_t> channels =
      config.integers("block_out_channels", {320, 640, 1280, 1280});
  const size_t count = channels.size();
  const std::vector<int64_t> layers = config.integer_per_block("layers_per_block", 2, count);
  const std::string_view heads_key =
      config.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
  const std::vector<int64_t> heads = config.integer_per_block(heads_key, 8, count);
  const std::vector<bool> only_cross =
      config.boolean_per_block("only_cross_attention", false, count);
  for (size_t i = 0; i < count; ++i)
    c.levels.push_back({channels[i], layers[i], heads[i], only_cross[i]});
  c.down_has_attention = read_block_types(config, "down_block_types", "DownBlock2D",
                                          "CrossAttnDownBlock2D", {true, true, true, false});
  c.up_has_attention = read_block_types(config, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D",
                                        {false, true, true, true});
  config.require(c.down_has_attention.size() == count && c.up_has_attention.size() == count,
                 ErrorCode::data_loss,
                 fmt::format("{} down blocks and {} up blocks for {} block_out_channels",
                             c.down_has_attention.size(), c.up_has_attention.size(), count));
}

// A level's attention is in its down block, its up block, or for the last level in the mid block.
bool has_attention(const UnetConfig& c, size_t level) {
  const size_t last = c.levels.size() - 1;
  return c.down_has_attention[level] || c.up_has_attention[last - level] ||
         (c.has_mid_block && level == last);
}

void check_levels(ConfigReader& config, const UnetConfig& c) {
  if (!config.status().ok()) return;
  for (size_t i = 0; i < c.levels.size(); ++i) {
    const UnetLevel& level = c.levels[i];
    config.require(level.channels % c.norm_num_groups == 0, ErrorCode::data_loss,
                   fmt::format("{} channels cannot be normalised in {} groups (norm_num_groups)",
                               level.channels, c.norm_num_groups));
    config.require(!has_attention(c, i) || level.channels % level.heads == 0, ErrorCode::data_loss,
                   fmt::format("{} channels cannot be split into {} attention heads",
                               level.channels, level.heads));
    config.require(
        level.layers <= 64, ErrorCode::data_loss,
        fmt::format("field 'layers_per_block' holds {}, expected 1 to 64", level.layers));
  }
  const int64_t first = c.levels.front().channels;
  config.require(first % 2 == 0 && static_cast<double>(first / 2) != c.freq_shift,
                 ErrorCode::data_loss,
                 fmt::format("a time embedding of {} numbers with freq_shift {} cannot be made",
                             first, c.freq_shift));
}

void read_sample_size(ConfigReader& config, UnetConfig& c) {
  if (!config.has("sample_size")) return;
  const std::vector<int64_t> size = config.integers("sample_size", {});
  config.require(size.size() == 1 || size.size() == 2, ErrorCode::data_loss,
                 "field 'sample_size' has more than 2 entries");
  if (!config.status().ok()) return;
  c.sample_height = size.front();
  c.sample_width = size.back();
}

void read_mid_block(ConfigReader& config, UnetConfig& c, const Json& json) {
  c.has_mid_block =
      !json.is_object() || !json.contains("mid_block_type") || config.has("mid_block_type");
  config.require_text("mid_block_type", "UNetMidBlock2DCrossAttn", "this mid block");
  c.mid_block_scale_factor = config.number("mid_block_scale_factor", c.mid_block_scale_factor);
  config.require(c.mid_block_scale_factor != 0, ErrorCode::data_loss,
                 "mid_block_scale_factor is 0");
}

// A kernel's side: an even one would not keep the picture's size.
int64_t read_odd(ConfigReader& config, std::string_view key, int64_t fallback) {
  const int64_t side = config.integer(key, fallback, 1, 15);
  config.require(side % 2 == 1, ErrorCode::unsupported,
                 fmt::format("field '{}' is {}, only odd sizes are supported", key, side));
  return side;
}

int64_t read_cross_attention_dim(ConfigReader& config, int64_t fallback) {
  const std::vector<int64_t> widths = config.integers("cross_attention_dim", {fallback});
  config.require(
      std::all_of(widths.begin(), widths.end(), [&](int64_t w) { return w == widths.front(); }),
      ErrorCode::unsupported,
      "field 'cross_attention_dim' differs from block to block, which is not supported yet");
  return widths.front();
}

}  // namespace

Result<UnetConfig> parse_unet_config(const Json& json, const std::string& file) {
  ConfigReader config(json, file);
  refuse_other_models(config);
  UnetConfig c;
  c.in_channels = config.integer("in_channels", c.in_channels);
  c.out_channels = config.integer("out_channels", c.out_channels);
  check_channels(config, c);
  refuse_variants(config);
  read_sample_size(config, c);
  c.center_input_sample = config.boolean("center_input_sample", c.center_input_sample);
  c.flip_sin_to_cos = config.boolean("flip_sin_to_cos", c.flip_sin_to_cos);
  c.freq_shift = config.number("freq_shift", c.freq_shift);
  read_levels(config, c);
  c.time_embedding_dim = config.integer("time_embedding_dim", 4 * c.levels.front().channels, 1,
                                        4 * ConfigReader::kMaxExtent);
  read_mid_block(config, c, json);
  c.downsample_padding = config.integer("downsample_padding", c.downsample_padding, 0, 1);
  c.act_fn = read_activation(config, "act_fn", "silu");
  c.norm_num_groups = config.integer("norm_num_groups", c.norm_num_groups);
  c.norm_eps = config.number("norm_eps", c.norm_eps);
  c.cross_attention_dim = read_cross_attention_dim(config, c.cross_attention_dim);
  c.use_linear_projection = config.boolean("use_linear_projection", c.use_linear_projection);
  c.conv_in_kernel = read_odd(config, "conv_in_kernel", c.conv_in_kernel);
  c.conv_out_kernel = read_odd(config, "conv_out_kernel", c.conv_out_kernel);
  check_levels(config, c);
  TRY(config.status());
  return c;
}

}  // namespace tempera::frontend
