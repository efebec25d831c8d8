#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontend/checkpoint/clip_text_config.h"
#include "frontend/checkpoint/unet_config.h"
#include "frontend/checkpoint/vae_config.h"
#include "frontend/checkpoint/weights.h"

namespace tempera::frontend {

// What can be compiled and run alone. The VAE gives two components.
enum class Component : uint8_t { text_encoder, unet, vae_decoder, vae_encoder };
std::string_view name(Component component);
std::optional<Component> component_from_name(std::string_view name);
Part part_of(Component component);

struct PartFolder {
  Part part;
  std::string folder;
  std::string class_name;  // as model_index.json says; empty without one
};

// A diffusers folder, or one component's folder of it. Opening looks only at model_index.json and
// at which folders exist; a part's config and weights are read when it is loaded.
struct Checkpoint {
  std::string path;
  std::string pipeline_class;     // empty without model_index.json
  std::vector<PartFolder> parts;  // those that are there
  std::string tokenizer_folder;   // these three are empty where absent
  std::string scheduler_config;   // path of scheduler_config.json
  std::string tempera_config;     // path of tempera.json: defaults of this program for this model
  const PartFolder* find(Part part) const;
};

// not_found: no such path, or nothing of a checkpoint in it. unsupported: a single file, or a
// pipeline that this program does not have.
Result<Checkpoint> open_checkpoint(const std::string& path);

// The weights file of a part's folder: plain before .fp16 before .bf16. not_found, or unsupported
// for other formats.
Result<std::string> choose_weights_file(Part part, const std::string& folder);

// A part's configuration alone; not_found if the checkpoint has no such part.
Result<ClipTextConfig> read_text_encoder_config(const Checkpoint& checkpoint);
Result<UnetConfig> read_unet_config(const Checkpoint& checkpoint);
Result<VaeConfig> read_vae_config(const Checkpoint& checkpoint);
// A part's weights, opened.
Result<std::shared_ptr<const Weights>> open_weights(const Checkpoint& checkpoint, Part part);

// "sd1", "sd2", "sd1-inpaint" or "sd2-inpaint", from the configs of the UNet and the text encoder
// as far as present; "vae" for a VAE alone, which both families share. unsupported names what this
// program does not have.
Result<std::string> recognise_family(const Checkpoint& checkpoint);

}  // namespace tempera::frontend
