#include <algorithm>
#include <filesystem>

#include "api/compile/compile.h"

namespace tempera::api {
namespace {

using frontend::Checkpoint;
using frontend::Component;
using frontend::Part;

constexpr int64_t kDefaultTokens = 77;  // where no text encoder says how many it gives
constexpr Component kComponents[] = {Component::text_encoder, Component::unet,
                                     Component::vae_decoder, Component::vae_encoder};

Status read_text_encoder(const Checkpoint& checkpoint, ModelInfo& info) {
  ASSIGN_OR_RETURN(const auto config, frontend::read_text_encoder_config(checkpoint));
  info.vocabulary = config.vocab_size;
  info.text_tokens = config.max_position_embeddings;
  info.context_width = config.hidden_size;
  return {};
}

Status read_unet(const Checkpoint& checkpoint, ModelInfo& info) {
  ASSIGN_OR_RETURN(const auto config, frontend::read_unet_config(checkpoint));
  info.unet_channels = config.in_channels;
  info.context_width = config.cross_attention_dim;
  info.sample_height = config.sample_height;
  info.sample_width = config.sample_width;
  return {};
}

Status read_vae(const Checkpoint& checkpoint, ModelInfo& info) {
  ASSIGN_OR_RETURN(const auto config, frontend::read_vae_config(checkpoint));
  info.latent_channels = config.latent_channels;
  info.vae_scale = frontend::downscaling(config);
  info.scaling_factor = config.scaling_factor;
  return {};
}

Status read_part(const Checkpoint& checkpoint, Part part, ModelInfo& info) {
  ASSIGN_OR_RETURN(info.weights[std::string(frontend::name(part))],
                   frontend::weights_file(checkpoint, part));
  if (part == Part::text_encoder) return read_text_encoder(checkpoint, info);
  return part == Part::unet ? read_unet(checkpoint, info) : read_vae(checkpoint, info);
}

Status read_defaults(const Checkpoint& checkpoint, ModelInfo& info) {
  if (checkpoint.tempera_config.empty()) return {};
  ASSIGN_OR_RETURN(const Json json, read_json_file(checkpoint.tempera_config));
  ASSIGN_OR_RETURN(info.defaults, parse_model_defaults(json, checkpoint.tempera_config));
  return {};
}

// The last part of the path that says something: "tempera-emoji" of "models/tempera-emoji/".
std::string name_of(const std::string& path) {
  std::error_code failure;
  const auto whole = std::filesystem::weakly_canonical(path, failure);
  return failure || whole.filename().empty() ? path : whole.filename().string();
}

}  // namespace

Result<ModelInfo> read_model_info(const Checkpoint& checkpoint,
                                  const std::vector<std::string>& components) {
  ModelInfo info;
  info.name = name_of(checkpoint.path);
  info.tokenizer_folder = checkpoint.tokenizer_folder;
  info.scheduler_config = checkpoint.scheduler_config;
  for (const Component component : kComponents) {
    const std::string name(frontend::name(component));
    if (checkpoint.find(frontend::part_of(component)) == nullptr) continue;
    info.components.push_back(name);
    const bool is_wanted =
        components.empty() || std::ranges::find(components, name) != components.end();
    const bool is_read = info.weights.contains(part_of(name));
    if (is_wanted && !is_read) TRY(read_part(checkpoint, frontend::part_of(component), info));
  }
  if (!components.empty()) return info;
  ASSIGN_OR_RETURN(info.family, frontend::recognise_family(checkpoint));
  TRY(read_defaults(checkpoint, info));
  return info;
}

int64_t text_length(const Checkpoint& checkpoint, const ModelInfo& info) {
  if (info.text_tokens > 0) return info.text_tokens;
  const auto config = frontend::read_text_encoder_config(checkpoint);
  return config.ok() ? config->max_position_embeddings : kDefaultTokens;
}

}  // namespace tempera::api
