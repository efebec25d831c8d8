#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor_file/stored_tensor.h"

namespace tempera {

// The prefix of a text encoder's tensors in most files.
inline constexpr std::string_view kTextModelPrefix = "text_model.";

// The module path that today's diffusers and transformers have for a tensor of a part's file
// ("text_encoder", "unet", "vae"). Files may have the prefix `text_model.` (text encoder), or the
// names before diffusers 0.15 for the attention of the VAE.
std::string module_name(std::string_view part, std::string_view stored_name);

// A part's tensors under those names; `file` is for messages. data_loss if two have one name.
Result<NamedTensors> by_module_name(std::string_view part, const NamedTensors& tensors,
                                    std::string_view file);

}  // namespace tempera
