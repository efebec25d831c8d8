#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "base/tensor.h"
#include "runtime/device.h"
#include "runtime/plan.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::runtime {

// A component's weights by name, as they lie in their files or are computed, and the packed tensors
// that setup stages made of them. Executors of several plans (sizes, batches) over one store share
// both. Lives longer than they do; packed tensors stay until the store goes, because the next plan
// may want them.
class WeightStore {
 public:
  struct Weight {
    StoredTensor tensor;
    std::weak_ptr<const Tensor> computed;  // its values, while anyone holds them
  };
  // A weight's values, aligned to nothing: a file's offsets are what its writer chose.
  struct Values {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
  };
  struct Packed {
    std::unique_ptr<Buffer> buffer;
    bool ready = false;                 // its setup launches have run, or it was packed before
    std::shared_ptr<const void> owner;  // of the memory that the buffer wraps, or null
  };

  // A name that is there already is replaced: a later tensor wins.
  void add(std::string name, StoredTensor tensor);
  void add(const NamedTensors& tensors);

  // What was packed before, by key: from now on packed() knows these and no others.
  void add_packed(const NamedTensors& tensors);
  bool was_packed() const { return !packed_before_.empty(); }

  Weight* find(std::string_view name);  // null when there is none
  // The values, computed if they have to be and nobody holds them. Errors of StoredTensor::compute.
  Result<Values> values(Weight& weight);
  // The bytes of a weight in a file will not be read for now: gives back the memory that mapping
  // them takes. Computed values go with the last holder of their Values.
  void release_pages(const Weight& weight) const;
  // The packed tensor of that key, allocated on first use. data_loss: it has another size already,
  // or is not among those packed before.
  Result<Packed*> packed(Device& device, const PackedTensor& tensor);
  int64_t packed_bytes() const;  // of all packed tensors so far
  // Where weights come from, for messages: the first file's path, or "memory".
  std::string source() const { return source_.empty() ? "memory" : source_; }

 private:
  void note_source(const StoredTensor& tensor);
  Status take_packed_before(Device& device, const PackedTensor& tensor, Packed& packed);
  std::map<std::string, Weight, std::less<>> weights_;
  std::unordered_map<std::string, Packed> packed_;
  std::unordered_map<std::string, StoredTensor> packed_before_;
  std::string source_;
};

}  // namespace tempera::runtime
