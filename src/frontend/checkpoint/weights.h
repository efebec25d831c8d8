#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "tensor_file/safetensors.h"

namespace tempera::frontend {

// The sub-models of a Stable Diffusion checkpoint: each is a folder of a diffusers checkpoint.
enum class Part : uint8_t { text_encoder, unet, vae };
std::string_view name(Part part);

// The name that the models here use for a tensor: the module path of today's diffusers and
// transformers. Files may have the prefix `text_model.` (text encoder), or the names before
// diffusers 0.15 for the attention of the VAE.
std::string canonical_tensor_name(Part part, std::string_view stored_name);

// The tensors of one part, found by canonical name. Only the header is read; data stays mapped.
class Weights {
 public:
  // Errors of SafetensorsFile::open; data_loss if two tensors have one canonical name.
  static Result<std::shared_ptr<const Weights>> open(Part part, const std::string& path);

  Part part() const { return part_; }
  const std::string& path() const { return file_.path(); }
  const SafetensorsFile& file() const { return file_; }
  const TensorInfo* find(std::string_view canonical_name) const;  // null when there is none
  // What this file would call a tensor that it does not have.
  std::string name_for(std::string_view canonical_name) const;

 private:
  Weights(Part part, SafetensorsFile file) : part_(part), file_(std::move(file)) {}
  Part part_;
  SafetensorsFile file_;
  std::unordered_map<std::string, const TensorInfo*> by_name_;
};

}  // namespace tempera::frontend
