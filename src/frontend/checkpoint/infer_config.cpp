#include "frontend/checkpoint/infer_config.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/text.h"

namespace tempera::frontend {
namespace {

constexpr int64_t kHeadWidth = 64;
constexpr int64_t kSecondTextWidth = 1024;
constexpr int64_t kMaxBlocks = 64;  // of a list that is counted

// Shapes by name.
class Shapes {
 public:
  explicit Shapes(const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) shapes_.emplace(name, &tensor.shape);
  }

  bool has(const std::string& name) const { return shapes_.contains(name); }
  // 0 where there is no such tensor or dimension.
  int64_t extent(const std::string& name, size_t dimension) const {
    const auto found = shapes_.find(name);
    if (found == shapes_.end() || dimension >= found->second->size()) return 0;
    return (*found->second)[dimension];
  }
  size_t rank(const std::string& name) const {
    const auto found = shapes_.find(name);
    return found == shapes_.end() ? 0 : found->second->size();
  }
  // How many of list.0.leaf, list.1.leaf, ... are there.
  int64_t count(const std::string& list, std::string_view leaf) const {
    int64_t count = 0;
    while (count < kMaxBlocks && has(fmt::format("{}.{}.{}", list, count, leaf))) ++count;
    return count;
  }

 private:
  std::unordered_map<std::string_view, const Shape*> shapes_;
};

constexpr std::string_view kConv1 = "conv1.weight", kFirstConv = "resnets.0.conv1.weight";

void set_known(Json& config, const char* key, int64_t value) {
  if (value > 0) config[key] = value;
}

// One value where all are the same.
Json shortest(const std::vector<int64_t>& values) {
  const bool same = std::ranges::all_of(values, [&](int64_t v) { return v == values.front(); });
  return same && !values.empty() ? Json(values.front()) : Json(values);
}

// The extent of the first tensor with such an ending.
const Shape* first_ending(const NamedTensors& tensors, std::string_view ending) {
  for (const auto& [name, tensor] : tensors)
    if (name.ends_with(ending)) return &tensor.shape;
  return nullptr;
}

Json block_types(const Shapes& shapes, const std::string& list, int64_t count,
                 std::string_view plain, std::string_view crossed) {
  Json types = Json::array();
  for (int64_t i = 0; i < count; ++i)
    types.push_back(shapes.has(fmt::format("{}.{}.attentions.0.norm.weight", list, i)) ? crossed
                                                                                       : plain);
  return types;
}

struct Blocks {
  std::vector<int64_t> channels, layers;
};

Blocks read_blocks(const Shapes& shapes, const std::string& list) {
  Blocks blocks;
  const int64_t count = shapes.count(list, kFirstConv);
  for (int64_t i = 0; i < count; ++i) {
    const std::string block = fmt::format("{}.{}", list, i);
    blocks.channels.push_back(shapes.extent(fmt::format("{}.{}", block, kFirstConv), 0));
    blocks.layers.push_back(shapes.count(block + ".resnets", kConv1));
  }
  return blocks;
}

Json unet_heads(const Blocks& blocks, Generation generation) {
  if (generation == Generation::sd1) return 8;
  std::vector<int64_t> heads;
  for (const int64_t channels : blocks.channels)
    heads.push_back(std::max<int64_t>(1, channels / kHeadWidth));
  return heads;
}

void set_blocks(const Shapes& shapes, Generation generation, Json& config) {
  const Blocks blocks = read_blocks(shapes, "down_blocks");
  if (blocks.channels.empty()) return;
  const auto count = static_cast<int64_t>(blocks.channels.size());
  config["block_out_channels"] = blocks.channels;
  config["layers_per_block"] = shortest(blocks.layers);
  config["attention_head_dim"] = unet_heads(blocks, generation);
  config["down_block_types"] =
      block_types(shapes, "down_blocks", count, "DownBlock2D", "CrossAttnDownBlock2D");
  config["up_block_types"] = block_types(shapes, "up_blocks", shapes.count("up_blocks", kFirstConv),
                                         "UpBlock2D", "CrossAttnUpBlock2D");
}

int64_t transformer_depth(const NamedTensors& tensors, const Shapes& shapes) {
  constexpr std::string_view kFirst = ".0.norm1.weight";
  int64_t depth = 1;
  for (const auto& [name, tensor] : tensors)
    if (name.ends_with(".transformer_blocks.0.norm1.weight"))
      depth = std::max(depth,
                       shapes.count(name.substr(0, name.size() - kFirst.size()), "norm1.weight"));
  return depth;
}

std::string_view vae_side(const Shapes& shapes) {
  return shapes.has("encoder.conv_in.weight") ? "encoder" : "decoder";
}

// A decoder's blocks are those of the encoder in reverse, with one more layer.
Blocks vae_blocks(const Shapes& shapes) {
  if (vae_side(shapes) == "encoder") return read_blocks(shapes, "encoder.down_blocks");
  Blocks blocks = read_blocks(shapes, "decoder.up_blocks");
  std::ranges::reverse(blocks.channels);
  for (int64_t& layers : blocks.layers) layers = std::max<int64_t>(1, layers - 1);
  return blocks;
}

// SD 2.x takes the output of OpenCLIP's penultimate layer: 23 of 24.
int64_t used_layers(int64_t stored, Generation generation) {
  constexpr int64_t kAlreadyCut = 23;
  return generation == Generation::sd2 && stored != kAlreadyCut ? stored - 1 : stored;
}

}  // namespace

Generation unet_generation(const NamedTensors& unet) {
  const Shape* projection = first_ending(unet, ".proj_in.weight");
  return projection != nullptr && projection->size() == 2 ? Generation::sd2 : Generation::sd1;
}

Generation text_encoder_generation(const NamedTensors& text_encoder) {
  const Shape* norm = first_ending(text_encoder, "final_layer_norm.weight");
  return norm != nullptr && *norm == Shape{kSecondTextWidth} ? Generation::sd2 : Generation::sd1;
}

Json infer_unet_config(const NamedTensors& tensors, Generation generation) {
  const Shapes shapes(tensors);
  Json config = {{"_class_name", "UNet2DConditionModel"}};
  set_known(config, "in_channels", shapes.extent("conv_in.weight", 1));
  set_known(config, "out_channels", shapes.extent("conv_out.weight", 0));
  const bool is_large = generation == Generation::sd2 && shapes.extent("conv_in.weight", 1) == 4;
  config["sample_size"] = is_large ? 96 : 64;
  set_blocks(shapes, generation, config);
  if (!shapes.has("mid_block.resnets.0.conv1.weight")) config["mid_block_type"] = nullptr;
  if (const Shape* keys = first_ending(tensors, ".attn2.to_k.weight"); keys && keys->size() == 2)
    config["cross_attention_dim"] = (*keys)[1];
  if (const Shape* projection = first_ending(tensors, ".proj_in.weight"))
    config["use_linear_projection"] = projection->size() == 2;
  if (const int64_t depth = transformer_depth(tensors, shapes); depth > 1)
    config["transformer_layers_per_block"] = depth;
  set_known(config, "time_cond_proj_dim", shapes.extent("time_embedding.cond_proj.weight", 1));
  config["norm_num_groups"] = 32;
  return config;
}

Json infer_vae_config(const NamedTensors& tensors) {
  const Shapes shapes(tensors);
  const std::string side(vae_side(shapes));
  Json config = {{"_class_name", "AutoencoderKL"}};
  set_known(config, "in_channels", shapes.extent("encoder.conv_in.weight", 1));
  set_known(config, "out_channels", shapes.extent("decoder.conv_out.weight", 0));
  set_known(config, "latent_channels",
            side == "decoder" ? shapes.extent("decoder.conv_in.weight", 1)
                              : shapes.extent("encoder.conv_out.weight", 0) / 2);
  if (const Blocks blocks = vae_blocks(shapes); !blocks.channels.empty()) {
    config["block_out_channels"] = blocks.channels;
    config["layers_per_block"] = blocks.layers.front();
    config["down_block_types"] =
        std::vector<std::string>(blocks.channels.size(), "DownEncoderBlock2D");
    config["up_block_types"] = std::vector<std::string>(blocks.channels.size(), "UpDecoderBlock2D");
  }
  config["mid_block_add_attention"] =
      shapes.has(side + ".mid_block.attentions.0.group_norm.weight");
  config["use_quant_conv"] = side == "decoder" || shapes.has("quant_conv.weight");
  config["use_post_quant_conv"] =
      !shapes.has("decoder.conv_in.weight") || shapes.has("post_quant_conv.weight");
  config["norm_num_groups"] = 32;
  config["sample_size"] = 512;
  config["scaling_factor"] = 0.18215;
  return config;
}

Json infer_text_encoder_config(const NamedTensors& tensors, Generation generation) {
  const Shapes shapes(tensors);
  const int64_t width = shapes.extent("embeddings.token_embedding.weight", 1);
  Json config = {{"architectures", {"CLIPTextModel"}}, {"model_type", "clip_text_model"}};
  set_known(config, "vocab_size", shapes.extent("embeddings.token_embedding.weight", 0));
  set_known(config, "hidden_size", width);
  set_known(config, "intermediate_size", shapes.extent("encoder.layers.0.mlp.fc1.weight", 0));
  set_known(config, "num_hidden_layers",
            used_layers(shapes.count("encoder.layers", "layer_norm1.weight"), generation));
  set_known(config, "max_position_embeddings",
            shapes.extent("embeddings.position_embedding.weight", 0));
  set_known(config, "num_attention_heads", std::max<int64_t>(1, width / kHeadWidth));
  config["hidden_act"] = generation == Generation::sd2 ? "gelu" : "quick_gelu";
  config["layer_norm_eps"] = 1e-5;
  config["bos_token_id"] = 0;
  config["eos_token_id"] = 2;
  config["pad_token_id"] = 1;
  return config;
}

}  // namespace tempera::frontend
