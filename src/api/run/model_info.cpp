#include "api/run/model_info.h"

#include <filesystem>

#include "base/text.h"

namespace tempera::api {
namespace {

template <typename T>
Status read(const Json& json, std::string_view key, std::optional<T>& value,
            std::string_view where) {
  if (!json.contains(key)) return {};
  ASSIGN_OR_RETURN(value, get<T>(json, key, where));
  return {};
}

template <typename T>
Status read(const Json& json, std::string_view key, T& value, std::string_view where) {
  ASSIGN_OR_RETURN(value, get<T>(json, key, where));
  return {};
}

Status check_keys(const Json& defaults, std::string_view where) {
  static constexpr std::string_view kKeys[] = {
      "width",           "height",           "steps",
      "guidance_scale",  "sampler",          "schedule",
      "negative_prompt", "timestep_spacing", "latent_colors"};
  for (const auto& [key, value] : defaults.items()) {
    bool known = false;
    for (const std::string_view name : kKeys) known |= name == key;
    if (!known) return error(ErrorCode::data_loss, "{}: unknown default {}", where, quote(key));
  }
  return {};
}

template <typename T>
void put(Json& json, std::string_view key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

Json to_json(const ModelDefaults& defaults) {
  Json json = Json::object();
  put(json, "width", defaults.width);
  put(json, "height", defaults.height);
  put(json, "steps", defaults.steps);
  put(json, "guidance_scale", defaults.guidance_scale);
  put(json, "sampler", defaults.sampler);
  put(json, "schedule", defaults.schedule);
  put(json, "timestep_spacing", defaults.timestep_spacing);
  put(json, "negative_prompt", defaults.negative_prompt);
  put(json, "latent_colors", defaults.latent_colors);
  return json;
}

std::string placed(const std::string& folder, const std::string& path) {
  return path.empty() ? path : (std::filesystem::path(folder) / path).lexically_normal().string();
}

Result<std::vector<std::string>> read_components(const Json& json, std::string_view where) {
  std::vector<std::string> names;
  if (!json.contains("components") || !json["components"].is_array())
    return error(ErrorCode::data_loss, "{}: field 'components' must be a list", where);
  for (const Json& name : json["components"]) {
    if (!name.is_string())
      return error(ErrorCode::data_loss, "{}: components must be strings", where);
    names.push_back(name.get<std::string>());
  }
  return names;
}

Result<std::map<std::string, std::string>> read_weights(const Json& json, std::string_view where) {
  std::map<std::string, std::string> files;
  if (!json.contains("weights") || !json["weights"].is_object())
    return error(ErrorCode::data_loss, "{}: field 'weights' must be an object", where);
  for (const auto& [part, file] : json["weights"].items()) {
    if (!file.is_string())
      return error(ErrorCode::data_loss, "{}: weights must be file names", where);
    files[part] = file.get<std::string>();
  }
  return files;
}

Status read_sizes(const Json& json, ModelInfo& info, std::string_view where) {
  TRY(read(json, "vocabulary", info.vocabulary, where));
  TRY(read(json, "text_tokens", info.text_tokens, where));
  TRY(read(json, "context_width", info.context_width, where));
  TRY(read(json, "unet_channels", info.unet_channels, where));
  TRY(read(json, "sample_height", info.sample_height, where));
  TRY(read(json, "sample_width", info.sample_width, where));
  TRY(read(json, "latent_channels", info.latent_channels, where));
  TRY(read(json, "vae_scale", info.vae_scale, where));
  TRY(read(json, "scaling_factor", info.scaling_factor, where));
  if (info.vae_scale < 1 || info.text_tokens < 0 || info.latent_channels < 0)
    return error(ErrorCode::data_loss, "{}: sizes must not be negative", where);
  return {};
}

Status read_colors(const Json& json, ModelDefaults& defaults, std::string_view where) {
  constexpr size_t kNumbers = 15;
  if (!json.contains("latent_colors")) return {};
  std::vector<double>& colors = defaults.latent_colors.emplace();
  for (const Json& number : json["latent_colors"])
    if (number.is_number()) colors.push_back(number.get<double>());
  if (colors.size() == kNumbers && json["latent_colors"].size() == kNumbers) return {};
  return error(ErrorCode::data_loss, "{}: field 'latent_colors' must be a list of {} numbers",
               where, kNumbers);
}

}  // namespace

Result<ModelDefaults> parse_model_defaults(const Json& json, std::string_view where) {
  ModelDefaults defaults;
  if (!json.is_object()) return error(ErrorCode::data_loss, "{}: must hold a JSON object", where);
  if (!json.contains("defaults")) return defaults;
  const Json& fields = json["defaults"];
  if (!fields.is_object())
    return error(ErrorCode::data_loss, "{}: field 'defaults' must be an object", where);
  TRY(check_keys(fields, where));
  TRY(read(fields, "width", defaults.width, where));
  TRY(read(fields, "height", defaults.height, where));
  TRY(read(fields, "steps", defaults.steps, where));
  TRY(read(fields, "guidance_scale", defaults.guidance_scale, where));
  TRY(read(fields, "sampler", defaults.sampler, where));
  TRY(read(fields, "schedule", defaults.schedule, where));
  TRY(read(fields, "timestep_spacing", defaults.timestep_spacing, where));
  TRY(read(fields, "negative_prompt", defaults.negative_prompt, where));
  TRY(read_colors(fields, defaults, where));
  return defaults;
}

Json to_json(const ModelInfo& info) {
  return {{"name", info.name},
          {"family", info.family},
          {"components", info.components},
          {"weights", info.weights},
          {"prefers_ema", info.prefers_ema},
          {"tokenizer_folder", info.tokenizer_folder},
          {"scheduler_config", info.scheduler_config},
          {"vocabulary", info.vocabulary},
          {"text_tokens", info.text_tokens},
          {"context_width", info.context_width},
          {"unet_channels", info.unet_channels},
          {"sample_height", info.sample_height},
          {"sample_width", info.sample_width},
          {"latent_channels", info.latent_channels},
          {"vae_scale", info.vae_scale},
          {"scaling_factor", info.scaling_factor},
          {"defaults", to_json(info.defaults)}};
}

Result<ModelInfo> model_info_from_json(const Json& json, const std::string& folder,
                                       std::string_view where) {
  ModelInfo info;
  TRY(read(json, "name", info.name, where));
  TRY(read(json, "family", info.family, where));
  ASSIGN_OR_RETURN(info.components, read_components(json, where));
  ASSIGN_OR_RETURN(info.weights, read_weights(json, where));
  ASSIGN_OR_RETURN(info.prefers_ema, get_or<bool>(json, "prefers_ema", false, where));
  TRY(read(json, "tokenizer_folder", info.tokenizer_folder, where));
  TRY(read(json, "scheduler_config", info.scheduler_config, where));
  info.tokenizer_folder = placed(folder, info.tokenizer_folder);
  info.scheduler_config = placed(folder, info.scheduler_config);
  TRY(read_sizes(json, info, where));
  ASSIGN_OR_RETURN(info.defaults, parse_model_defaults(json, where));
  return info;
}

std::string part_of(std::string_view component) {
  return std::string(component.starts_with("vae") ? "vae" : component);
}

}  // namespace tempera::api
