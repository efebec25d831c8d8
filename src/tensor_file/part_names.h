#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor_file/stored_tensor.h"

namespace tempera {

// Which of the two sets of weights of a UNet in a file that holds both: those that training moved
// (false), or their moving average (true).
struct PartOptions {
  bool prefers_ema = false;
};

// Which of the parts "text_encoder", "unet" and "vae" a file holds, by the names of its tensors: of
// diffusers, transformers, LDM (single-file checkpoints of SD 1.x and 2.x) or OpenCLIP, with the
// prefixes in use.
std::vector<std::string> parts_in(const NamedTensors& stored);

// A part's tensors under the module paths of today's diffusers and transformers, as views where
// files lay them out otherwise. Of names that fit no form, all as they are. `file` is for messages.
// data_loss if two tensors have one name, or the UNet's blocks are not complete.
Result<NamedTensors> tensors_of_part(std::string_view part, const NamedTensors& stored,
                                     std::string_view file, const PartOptions& options = {});

// Whether the text encoder has OpenCLIP's names, as in SD 2.x.
bool has_open_clip_names(const NamedTensors& stored);
// Whether there is a moving average of the UNet beside its weights.
bool has_ema(const NamedTensors& stored);

// unsupported, by name, for files of other models (ControlNet, SDXL, SD3, FLUX, ...);
// invalid_argument for those that belong to another flag (LoRA, embedding, TAESD).
Status refuse_other_models(const NamedTensors& stored, std::string_view file);

}  // namespace tempera
