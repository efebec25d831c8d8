#include "runtime/weight_store.h"

namespace tempera::runtime {

void WeightStore::add(std::string name, StoredTensor tensor) {
  if (tensor.file != nullptr && source_.empty()) source_ = tensor.file->path();
  weights_[std::move(name)] = {.tensor = std::move(tensor)};
}

void WeightStore::add(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) add(name, tensor);
}

WeightStore::Weight* WeightStore::find(std::string_view name) {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

Result<WeightStore::Values> WeightStore::values(Weight& weight) {
  const StoredTensor& tensor = weight.tensor;
  if (!tensor.compute) return Values{tensor.bytes, tensor.owner};
  std::shared_ptr<const Tensor> computed = weight.computed.lock();
  if (computed == nullptr) {
    ASSIGN_OR_RETURN(Tensor made, tensor.compute());
    CHECK(made.dtype == tensor.dtype && made.shape == tensor.shape, "computed {} {} for {} {}",
          name(made.dtype), to_string(made.shape), name(tensor.dtype), to_string(tensor.shape));
    computed = std::make_shared<const Tensor>(std::move(made));
    weight.computed = computed;
  }
  return Values{computed->data, computed};
}

void WeightStore::release_pages(const Weight& weight) const {
  if (weight.tensor.file != nullptr) weight.tensor.file->release_pages(weight.tensor.bytes);
}

Result<WeightStore::Packed*> WeightStore::packed(Device& device, const PackedTensor& tensor) {
  Packed& packed = packed_[tensor.key];
  if (packed.buffer == nullptr) {
    ASSIGN_OR_RETURN(packed.buffer, device.allocate(tensor.bytes));
  }
  if (packed.buffer->size() != tensor.bytes)
    return error(ErrorCode::data_loss,
                 "the packed weight {} has {} bytes in one plan and {} in another; compile again",
                 tensor.key, packed.buffer->size(), tensor.bytes);
  return &packed;
}

int64_t WeightStore::packed_bytes() const {
  int64_t bytes = 0;
  for (const auto& [key, packed] : packed_)
    if (packed.buffer != nullptr) bytes += packed.buffer->size();
  return bytes;
}

}  // namespace tempera::runtime
