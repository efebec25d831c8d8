#pragma once

#include <map>
#include <string>

#include "base/json.h"
#include "base/status.h"

namespace tempera::frontend {

// What a diffusers model_index.json says.
struct ModelIndex {
  std::string pipeline_class;  // "StableDiffusionPipeline"
  std::map<std::string, std::string>
      classes;  // of each component that is not null, e.g. "unet" -> "UNet2DConditionModel"
};

// `file` names the index in errors: unsupported for pipelines and components that this program does
// not have, each by name; data_loss for another form.
Result<ModelIndex> parse_model_index(const Json& json, const std::string& file);

}  // namespace tempera::frontend
