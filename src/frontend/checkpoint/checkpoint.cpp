#include "frontend/checkpoint/checkpoint.h"

#include <array>
#include <filesystem>
#include <utility>

#include "base/builtin.h"
#include "base/json.h"
#include "base/text.h"
#include "frontend/checkpoint/model_index.h"
#include "frontend/checkpoint/single_file.h"
#include "frontend/checkpoint/weights_file.h"

namespace tempera::frontend {
namespace {

namespace fs = std::filesystem;

constexpr std::array<Part, 3> kParts = {Part::text_encoder, Part::unet, Part::vae};
constexpr std::array<Component, 4> kComponents = {Component::text_encoder, Component::unet,
                                                  Component::vae_decoder, Component::vae_encoder};

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string join(const std::string& folder, std::string_view name) {
  return (fs::path(folder) / name).string();
}

std::string path_if(bool present, std::string path) {
  return present ? std::move(path) : std::string();
}

// Which part a folder with a config.json is, by the config's own words.
Result<std::optional<Part>> part_of_config(const std::string& file) {
  ASSIGN_OR_RETURN(const Json json, read_json_file(file));
  ASSIGN_OR_RETURN(const std::string class_name,
                   get_or<std::string>(json, "_class_name", "", file));
  ASSIGN_OR_RETURN(const std::string model_type, get_or<std::string>(json, "model_type", "", file));
  if (class_name.starts_with("Autoencoder")) return std::optional(Part::vae);
  if (!class_name.empty()) return std::optional(Part::unet);
  if (model_type.starts_with("clip")) return std::optional(Part::text_encoder);
  return std::optional<Part>();
}

Result<Checkpoint> open_part_folder(const std::string& path) {
  const std::string config = join(path, "config.json");
  ASSIGN_OR_RETURN(const std::optional<Part> part, part_of_config(config));
  if (!part)
    return error(
        ErrorCode::unsupported,
        "{}: neither a CLIP text encoder, a UNet nor a VAE by its _class_name and model_type",
        config);
  Checkpoint checkpoint{.path = path};
  checkpoint.parts.push_back({.part = *part, .folder = path, .config_file = config});
  return checkpoint;
}

Result<ModelIndex> read_index(const std::string& file) {
  if (!is_file(file)) return ModelIndex{};
  ASSIGN_OR_RETURN(const Json json, read_json_file(file));
  return parse_model_index(json, file);
}

// A part is there if its folder is and, when there is an index, the index names it.
void add_parts(Checkpoint& checkpoint, const ModelIndex& index, bool has_index) {
  for (const Part part : kParts) {
    const std::string folder = join(checkpoint.path, name(part));
    const auto named = index.classes.find(std::string(name(part)));
    const bool wanted = !has_index || named != index.classes.end();
    if (wanted && is_folder(folder))
      checkpoint.parts.push_back({.part = part,
                                  .class_name = named == index.classes.end() ? "" : named->second,
                                  .folder = folder,
                                  .config_file = join(folder, "config.json")});
  }
}

Result<const PartSource*> find_part(const Checkpoint& checkpoint, Part part) {
  if (const PartSource* source = checkpoint.find(part)) return source;
  return error(ErrorCode::not_found, "{}: this checkpoint has no {}", checkpoint.path, name(part));
}

Result<Json> read_config(const Checkpoint& checkpoint, Part part, std::string& file) {
  ASSIGN_OR_RETURN(const PartSource* source, find_part(checkpoint, part));
  file = source->config_file;
  if (!source->config.is_null()) return source->config;
  return read_json_file(file);
}

bool uses_second_generation_text(const ClipTextConfig& config) {
  return config.hidden_act == Activation::gelu;
}

// CLIP's own for a folder that has a text encoder alone. One whose config cannot be read is told of
// where it is used.
void add_missing_tokenizer(Checkpoint& checkpoint) {
  if (!checkpoint.tokenizer_folder.empty() || checkpoint.find(Part::text_encoder) == nullptr)
    return;
  const auto config = read_text_encoder_config(checkpoint);
  const bool is_second = config.ok() && uses_second_generation_text(*config);
  checkpoint.tokenizer_folder = is_second ? kClipTokenizerSd2 : kClipTokenizer;
}

Result<Checkpoint> open_folder(const std::string& path) {
  const std::string index_file = join(path, "model_index.json");
  const bool has_index = is_file(index_file);
  if (!has_index && is_file(join(path, "config.json"))) return open_part_folder(path);
  ASSIGN_OR_RETURN(const ModelIndex index, read_index(index_file));
  const std::string scheduler = join(path, "scheduler/scheduler_config.json");
  const std::string tokenizer = join(path, "tokenizer");
  const std::string defaults = join(path, "tempera.json");
  Checkpoint checkpoint{.path = path,
                        .pipeline_class = index.pipeline_class,
                        .tokenizer_folder = path_if(is_folder(tokenizer), tokenizer),
                        .scheduler_config = path_if(is_file(scheduler), scheduler),
                        .tempera_config = path_if(is_file(defaults), defaults)};
  add_parts(checkpoint, index, has_index);
  if (checkpoint.parts.empty())
    return error(ErrorCode::not_found,
                 "{}: no folder text_encoder, unet or vae in it; is this a diffusers folder?",
                 path);
  add_missing_tokenizer(checkpoint);
  return checkpoint;
}

Result<Checkpoint> open_path(const std::string& path) {
  if (is_file(path)) return open_single_file(path);
  if (is_folder(path)) return open_folder(path);
  return error(ErrorCode::not_found, "{}: no such file or folder", path);
}

// Takes what the folder has instead of the checkpoint's own.
Status take_configs(Checkpoint& checkpoint, const std::string& folder) {
  bool found = false;
  for (PartSource& source : checkpoint.parts) {
    const std::string file = join(folder, fmt::format("{}/config.json", name(source.part)));
    if (!is_file(file)) continue;
    found = true;
    source.config_file = file;
    source.config = nullptr;
  }
  const std::string scheduler = join(folder, "scheduler/scheduler_config.json");
  const std::string tokenizer = join(folder, "tokenizer");
  if (is_file(scheduler)) checkpoint.scheduler_config = scheduler;
  if (is_folder(tokenizer)) checkpoint.tokenizer_folder = tokenizer;
  if (found || is_file(scheduler) || is_folder(tokenizer)) return {};
  return error(ErrorCode::not_found,
               "--config {}: no text_encoder, unet or vae with a config.json, no scheduler and no "
               "tokenizer in it; is this a diffusers folder?",
               folder);
}

Status take_vae(Checkpoint& checkpoint, const std::string& path) {
  ASSIGN_OR_RETURN(const Checkpoint other, open_path(path));
  const PartSource* vae = other.find(Part::vae);
  if (vae == nullptr) return error(ErrorCode::not_found, "--vae {}: holds no VAE", path);
  std::erase_if(checkpoint.parts,
                [](const PartSource& source) { return source.part == Part::vae; });
  checkpoint.parts.push_back(*vae);
  return {};
}

}  // namespace

std::string_view name(Component component) {
  switch (component) {
    case Component::text_encoder:
      return "text_encoder";
    case Component::unet:
      return "unet";
    case Component::vae_decoder:
      return "vae_decoder";
    case Component::vae_encoder:
      return "vae_encoder";
  }
  CHECK(false, "no such component");
}

std::optional<Component> component_from_name(std::string_view text) {
  for (const Component component : kComponents)
    if (name(component) == text) return component;
  return std::nullopt;
}

Part part_of(Component component) {
  if (component == Component::text_encoder) return Part::text_encoder;
  return component == Component::unet ? Part::unet : Part::vae;
}

const PartSource* Checkpoint::find(Part part) const {
  for (const PartSource& source : parts)
    if (source.part == part) return &source;
  return nullptr;
}

Result<Checkpoint> open_checkpoint(const std::string& path, const CheckpointOptions& options) {
  ASSIGN_OR_RETURN(Checkpoint checkpoint, open_path(path));
  if (!options.config.empty()) TRY(take_configs(checkpoint, options.config));
  if (!options.vae.empty()) TRY(take_vae(checkpoint, options.vae));
  checkpoint.prefers_ema = options.prefers_ema;
  return checkpoint;
}

Result<std::string> weights_file(const Checkpoint& checkpoint, Part part) {
  ASSIGN_OR_RETURN(const PartSource* source, find_part(checkpoint, part));
  if (!source->file.empty()) return source->file;
  return choose_weights_file(part, source->folder, checkpoint.prefers_ema);
}

Result<ClipTextConfig> read_text_encoder_config(const Checkpoint& checkpoint) {
  std::string file;
  ASSIGN_OR_RETURN(const Json json, read_config(checkpoint, Part::text_encoder, file));
  return parse_clip_text_config(json, file);
}

Result<UnetConfig> read_unet_config(const Checkpoint& checkpoint) {
  std::string file;
  ASSIGN_OR_RETURN(const Json json, read_config(checkpoint, Part::unet, file));
  return parse_unet_config(json, file);
}

Result<VaeConfig> read_vae_config(const Checkpoint& checkpoint) {
  std::string file;
  ASSIGN_OR_RETURN(const Json json, read_config(checkpoint, Part::vae, file));
  return parse_vae_config(json, file);
}

Result<std::shared_ptr<const Weights>> open_weights(const Checkpoint& checkpoint, Part part) {
  ASSIGN_OR_RETURN(const std::string file, weights_file(checkpoint, part));
  return Weights::open(part, file, {.prefers_ema = checkpoint.prefers_ema.value_or(false)});
}

Result<std::string> recognise_family(const Checkpoint& checkpoint) {
  bool second = false;
  if (checkpoint.find(Part::text_encoder) != nullptr) {
    ASSIGN_OR_RETURN(const ClipTextConfig config, read_text_encoder_config(checkpoint));
    second = uses_second_generation_text(config);
  }
  if (checkpoint.find(Part::unet) != nullptr) {
    ASSIGN_OR_RETURN(const UnetConfig config, read_unet_config(checkpoint));
    second = second || config.use_linear_projection;
    return std::string(second ? "sd2" : "sd1") + (config.in_channels == 9 ? "-inpaint" : "");
  }
  if (checkpoint.find(Part::text_encoder) != nullptr) return std::string(second ? "sd2" : "sd1");
  TRY(read_vae_config(checkpoint));
  return std::string("vae");
}

}  // namespace tempera::frontend
