#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/checkpoint/weights.h"

namespace tempera::frontend {

// Where a tensor of a LoRA file belongs.
struct LoraName {
  Part part;
  std::string module;     // its path with '_' for '.', without "text_model"
  std::string_view role;  // of delta.h; "diff_b" is a change of the bias
};

// Reads kohya's names (lora_unet_..., lora_te_..., whose modules go by diffusers' or by LDM's
// paths), those of diffusers and PEFT (unet.....lora_A.weight, .lora.down.weight,
// .processor.to_q_lora.down.weight, .lora_linear_layer.down.weight), and the roles of LyCORIS.
// None: no such name.
std::optional<LoraName> parse_lora_name(std::string_view name);

// The names under which LoRA files know the modules of a part: of each the path with '_' for '.',
// LDM's for the UNet and OpenCLIP's for the text encoder. `modules` are canonical paths.
std::map<std::string, std::string, std::less<>> lora_module_names(
    Part part, const std::vector<std::string>& modules);

}  // namespace tempera::frontend
