#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/run/compile_options.h"
#include "base/dtype.h"
#include "base/status.h"

namespace tempera::api {

struct ConvertedPart {
  std::string name;  // "text_encoder", "unet", "vae"
  int64_t tensors = 0, bytes = 0;
};
struct Converted {
  std::string family;
  std::vector<ConvertedPart> parts;
};

// Writes a checkpoint of any form as a diffusers folder: model_index.json, configs, scheduler,
// tokenizer, and the weights that the models use as safetensors; floats as `dtype` (f16, bf16 or
// f32), or as they are stored. The folder appears when it is complete; one that an earlier
// conversion wrote is replaced. invalid_argument: the folder holds something else.
Result<Converted> convert_checkpoint(const std::string& model, const std::string& folder,
                                     std::optional<DType> dtype, const ModelFiles& files = {});

}  // namespace tempera::api
