#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tempera::api {

// A LoRA file and how strongly it changes each part.
struct LoraSetting {
  std::string path;
  double text_encoder = 1, unet = 1;
  bool operator==(const LoraSetting&) const = default;
};

// "FILE", "FILE:BOTH" or "FILE:TEXT_ENCODER:UNET", in AUTOMATIC1111's order. A file that is there
// under the whole text has strength 1. FILE may be a name in `folder` (if that is not empty), as in
// a prompt. invalid_argument: a strength that is no number; not_found: no such file.
Result<LoraSetting> parse_lora_setting(const std::string& text, const std::string& folder);

// Those that the tags <lora:name:0.8> of a prompt ask for: files name.safetensors, .pt, .ckpt or
// .bin of `folder` and its sub-folders, by exact name, else in any case. not_found: a name without
// a file; invalid_argument: a tag, but no folder given, or what take_extra_networks refuses.
Result<std::vector<LoraSetting>> loras_in_prompt(std::string_view prompt,
                                                 const std::string& folder);

}  // namespace tempera::api
