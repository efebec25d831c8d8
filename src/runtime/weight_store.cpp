#include "runtime/weight_store.h"

namespace tempera::runtime {

void WeightStore::add_file(SafetensorsFile file) {
  if (files_.empty()) source_ = file.path();
  files_.push_back(std::make_unique<SafetensorsFile>(std::move(file)));
  const SafetensorsFile& kept = *files_.back();
  for (const TensorInfo& info : kept.tensors())
    weights_[info.name] = {info.dtype, info.shape, kept.bytes(info), &kept, &info};
}

void WeightStore::add_tensor(std::string name, Tensor tensor) {
  tensors_.push_back(std::make_unique<Tensor>(std::move(tensor)));
  const Tensor& kept = *tensors_.back();
  weights_[std::move(name)] = {kept.dtype, kept.shape, kept.data, nullptr, nullptr};
}

const WeightStore::Weight* WeightStore::find(std::string_view name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

void WeightStore::release_pages(const Weight& weight) const {
  if (weight.file != nullptr) weight.file->release_pages(*weight.info);
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
