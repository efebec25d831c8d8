#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace tempera::api {

// What a model's tempera.json sets where the user says nothing.
struct ModelDefaults {
  std::optional<int64_t> width, height, steps;
  std::optional<double> guidance_scale;
  std::optional<std::string> sampler, schedule, timestep_spacing, negative_prompt;
  // Of linear previews, see diffusion/preview.h: 15 numbers [those of Stable Diffusion's VAE].
  std::optional<std::vector<double>> latent_colors;
};

// {"defaults": {...}}; data_loss for a field that is unknown or of another type.
Result<ModelDefaults> parse_model_defaults(const Json& json, std::string_view where);

// What running a model takes beside plans and weights: from a checkpoint's configs, or as an
// artifact keeps it.
struct ModelInfo {
  std::string name;                     // for people and for a picture's settings
  std::string family;                   // "sd1"
  std::vector<std::string> components;  // that can be run
  // File of each part: "text_encoder", "unet", "vae", and in an artifact "taesd" where that
  // decodes.
  std::map<std::string, std::string> weights;
  bool prefers_ema = false;      // of a file that holds both weights of the UNet
  std::string tokenizer_folder;  // these two are empty where absent
  std::string scheduler_config;

  int64_t vocabulary = 0;     // of the text encoder; these are 0 where the part is absent
  int64_t text_tokens = 0;    // its length
  int64_t context_width = 0;  // of the text encoder's or the UNet's hidden states
  int64_t unet_channels = 0;  // that the UNet takes
  int64_t sample_height = 0, sample_width = 0;  // of the latent that the UNet's config names
  int64_t latent_channels = 0;                  // of the VAE
  int64_t vae_scale = 8;                        // pixels a latent, along each side
  double scaling_factor = 0.18215;
  ModelDefaults defaults;
};

// Paths are written as they are; the reader puts `folder` before those that are relative.
Json to_json(const ModelInfo& info);
Result<ModelInfo> model_info_from_json(const Json& json, const std::string& folder,
                                       std::string_view where);

// The part whose weights a component uses: the VAE has two components.
std::string part_of(std::string_view component);

}  // namespace tempera::api
