#include "runtime/weight_store.h"

#include "tensor_file/stream_safetensors.h"

namespace tempera::runtime {
namespace {

// Whether elements of any dtype lie as kernels expect them: a dtype's size divides that of the
// whole.
bool is_aligned_in_memory(std::span<const std::byte> bytes) {
  const auto place = reinterpret_cast<uintptr_t>(bytes.data());
  return place % natural_alignment(bytes.size(), kBufferAlignment) == 0;
}

}  // namespace

void WeightStore::note_source(const StoredTensor& tensor) {
  if (tensor.file != nullptr && source_.empty()) source_ = tensor.file->path();
}

void WeightStore::add(std::string name, StoredTensor tensor) {
  note_source(tensor);
  weights_[std::move(name)] = {.tensor = std::move(tensor)};
}

void WeightStore::add(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) add(name, tensor);
}

void WeightStore::add_packed(const NamedTensors& tensors) {
  for (const auto& [key, tensor] : tensors) {
    note_source(tensor);
    packed_before_.emplace(key, tensor);
  }
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

Status WeightStore::take_packed_before(Device& device, const PackedTensor& tensor, Packed& packed) {
  const auto found = packed_before_.find(tensor.key);
  if (found == packed_before_.end())
    return error(ErrorCode::data_loss,
                 "{}: the packed weight {} is missing; the file belongs to other plans, compile "
                 "again",
                 source(), tensor.key);
  const StoredTensor& stored = found->second;
  packed.ready = true;
  if (is_aligned_in_memory(stored.bytes)) {
    ASSIGN_OR_RETURN(packed.buffer, device.wrap(stored.bytes));
    packed.owner = stored.owner;
    return {};
  }
  ASSIGN_OR_RETURN(packed.buffer, device.allocate(static_cast<int64_t>(stored.bytes.size())));
  return device.upload({packed.buffer.get()}, stored.bytes);
}

Result<WeightStore::Packed*> WeightStore::packed(Device& device, const PackedTensor& tensor) {
  Packed& packed = packed_[tensor.key];
  if (packed.buffer == nullptr && was_packed()) TRY(take_packed_before(device, tensor, packed));
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
