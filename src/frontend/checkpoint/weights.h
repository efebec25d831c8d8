#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "tensor_file/part_names.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::frontend {

// The sub-models of a Stable Diffusion checkpoint: each is a folder of a diffusers checkpoint.
enum class Part : uint8_t { text_encoder, unet, vae };
std::string_view name(Part part);
std::optional<Part> part_from_name(std::string_view name);

// The tensors of one part under canonical names: the module paths of today's diffusers and
// transformers (tensor_file/module_name.h), which graphs, plans and marks use whatever the file
// calls them. Values are not read.
class Weights {
 public:
  // What the file calls the tensor of a canonical name, for messages.
  using StoredName = std::function<std::string(std::string_view)>;

  // Of any file that TensorFile reads. Errors of TensorFile::open; data_loss if two tensors have
  // one canonical name.
  static Result<std::shared_ptr<const Weights>> open(Part part, const std::string& path,
                                                     const PartOptions& options = {});
  // `tensors` by canonical name, each name once; `path` is where they come from, for messages.
  Weights(Part part, std::string path, NamedTensors tensors, StoredName stored_name);
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  Part part() const { return part_; }
  const std::string& path() const { return path_; }
  const NamedTensors& tensors() const { return tensors_; }
  const StoredTensor* find(std::string_view canonical_name) const;  // null when there is none
  std::string stored_name(std::string_view canonical_name) const {
    return stored_name_(canonical_name);
  }

 private:
  Part part_;
  std::string path_;
  NamedTensors tensors_;
  StoredName stored_name_;
  std::unordered_map<std::string_view, const StoredTensor*> by_name_;  // into tensors_
};

}  // namespace tempera::frontend
