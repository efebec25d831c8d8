#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"
#include "runtime/device.h"
#include "tensor_file/safetensors.h"

namespace tempera::runtime {

// A component's weights by name, as they lie in their files, and the packed tensors that setup
// stages made of them. Executors of several plans (sizes, batches) over one store share both. Lives
// longer than they do; packed tensors stay until the store goes, because the next plan may want
// them.
class WeightStore {
 public:
  struct Weight {
    DType dtype;
    Shape shape;
    std::span<const std::byte>
        bytes;                    // aligned to nothing: a file's offsets are what its writer chose
    const SafetensorsFile* file;  // null: a tensor in memory
    const TensorInfo* info;
  };
  struct Packed {
    std::unique_ptr<Buffer> buffer;
    bool ready = false;  // its setup launches have run
  };

  // A name that is there already is replaced: a later file wins.
  void add_file(SafetensorsFile file);
  void add_tensor(std::string name, Tensor tensor);

  const Weight* find(std::string_view name) const;  // null when there is none
  // The weight's bytes will not be read for now: gives back the memory that mapping them takes.
  void release_pages(const Weight& weight) const;
  // The packed tensor of that key, allocated on first use; data_loss: it has another size already.
  Result<Packed*> packed(Device& device, const PackedTensor& tensor);
  int64_t packed_bytes() const;  // of all packed tensors so far
  // Where weights come from, for messages: the first file's path, or "memory".
  const std::string& source() const { return source_; }

 private:
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<std::unique_ptr<Tensor>> tensors_;
  std::map<std::string, Weight, std::less<>> weights_;
  std::unordered_map<std::string, Packed> packed_;
  std::string source_ = "memory";
};

}  // namespace tempera::runtime
