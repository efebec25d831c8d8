#pragma once

#include <string>
#include <vector>

#include "api/run/lora_settings.h"
#include "api/run/model_source.h"
#include "base/status.h"

namespace tempera::api {

// The same model with LoRAs merged into its weights when they are read: plans and code stay. Every
// name and shape is checked here, and nothing but headers is read. Errors of TensorFile::open,
// frontend::read_lora and frontend::merge_loras; invalid_argument where a LoRA changes no part that
// the model has.
Result<ModelSource> with_loras(ModelSource source, const std::vector<LoraSetting>& loras);

// unsupported: a VAE that does not have TAESD's 8 pixels a latent.
Status check_taesd(const std::string& path, const ModelInfo& info);

// The same model with the weights of a TAESD decoder beside those of its VAE; an empty path gives
// the model itself. Errors of frontend::open_taesd_weights and check_taesd.
Result<ModelSource> with_taesd(ModelSource source, const std::string& path);

}  // namespace tempera::api
