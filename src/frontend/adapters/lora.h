#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "frontend/adapters/delta.h"
#include "frontend/checkpoint/weights.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::frontend {

struct LoraModule {
  std::string name;           // of its first tensor in the file, for messages
  AdapterLayer weight, bias;  // what changes either
};

// A LoRA file, sorted by the modules that it changes.
struct Lora {
  std::string path;
  std::map<Part, std::map<std::string, LoraModule>> modules;  // by LoraName::module
  size_t unknown = 0;                                         // tensors of no known name
  std::string first_unknown;
};

// unsupported: no tensor's name is that of an adapter of the UNet or the text encoder.
Result<Lora> read_lora(const NamedTensors& tensors, const std::string& path);

struct LoraUse {
  std::shared_ptr<const Lora> lora;
  double unet = 1, text_encoder = 1;  // strengths
};

// The weights of a part under canonical names with the LoRAs merged: a weight that changes is
// computed when it is read, from its values as f32, changed by one LoRA after the other and rounded
// once to its own dtype. Warns of modules that are not in the model; invalid_argument where none of
// a LoRA's is, and errors of weight_change.
Result<NamedTensors> merge_loras(Part part, NamedTensors weights, std::span<const LoraUse> loras);

}  // namespace tempera::frontend
