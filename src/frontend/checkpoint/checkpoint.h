#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
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

// Where a part comes from.
struct PartSource {
  Part part;
  std::string class_name;   // as model_index.json says; empty without one
  std::string folder;       // of a diffusers checkpoint; empty for a part of a single file
  std::string file;         // that file
  std::string config_file;  // config.json, or where `config` comes from
  Json config;              // inferred from names and shapes; null: config_file holds it
};

// A checkpoint: a diffusers folder, one component's folder of it, or a single file with any of the
// parts. Opening looks at names alone; a part's config and weights are read when it is loaded.
struct Checkpoint {
  std::string path;
  std::string pipeline_class;     // empty without model_index.json
  std::vector<PartSource> parts;  // those that are there
  // These three are empty where absent. Built-in ones, as base/builtin.h names them: the tokenizer
  // of a folder that lacks it, and of a single file the tokenizer and the scheduler.
  std::string tokenizer_folder;
  std::string scheduler_config;  // path of scheduler_config.json
  std::string tempera_config;    // path of tempera.json: defaults of this program for this model
  std::optional<bool> prefers_ema;
  std::string taesd_file;  // whose decoder stands in for the VAE's; empty: none
  const PartSource* find(Part part) const;
};

// What may come from elsewhere.
struct CheckpointOptions {
  std::string config;  // folder whose configs, scheduler and tokenizer are taken, those it has
  std::string vae;     // checkpoint, folder or file whose VAE is taken
  // Of files that hold both the UNet's trained weights and their moving average: which. None: of
  // a single file the trained ones, of a folder those without ".non_ema".
  std::optional<bool> prefers_ema;
};

// not_found: no such path, or nothing of a checkpoint in it. unsupported: a model or pipeline that
// this program does not have, by name. Errors of TensorFile::open.
Result<Checkpoint> open_checkpoint(const std::string& path, const CheckpointOptions& options = {});

// The file that holds a part's weights.
Result<std::string> weights_file(const Checkpoint& checkpoint, Part part);

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
