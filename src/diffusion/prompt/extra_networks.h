#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::diffusion {

// A LoRA that a prompt asks for, and its strengths.
struct LoraTag {
  std::string name;
  double text_encoder = 1, unet = 1;
  bool operator==(const LoraTag&) const = default;
};

// A prompt without AUTOMATIC1111's "extra networks", and what they were.
struct ExtraNetworks {
  std::string text;
  std::vector<LoraTag> loras;  // in the order of the text
};

// Takes <lora:name>, <lora:name:both>, <lora:name:te:unet> and <lora:name:te=0.5:unet=1> out of a
// prompt; lyco is another word for lora. invalid_argument: no name, or a strength that is no
// number. unsupported: <hypernet:...>. Other text in angle brackets stays.
Result<ExtraNetworks> take_extra_networks(std::string_view prompt);

}  // namespace tempera::diffusion
