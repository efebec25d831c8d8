#include "tensor_file/stored_tensor.h"

#include <algorithm>

namespace tempera {

int64_t size_in_bytes(const StoredTensor& tensor) {
  return element_count(tensor.shape) * size_in_bytes(tensor.dtype);
}

Result<Tensor> load(const StoredTensor& tensor) {
  if (tensor.compute) return tensor.compute();
  Tensor copy;
  copy.dtype = tensor.dtype;
  copy.shape = tensor.shape;
  copy.data.assign(tensor.bytes.begin(), tensor.bytes.end());
  return copy;
}

StoredTensor stored(Tensor tensor) {
  const auto kept = std::make_shared<const Tensor>(std::move(tensor));
  return {.dtype = kept->dtype, .shape = kept->shape, .bytes = kept->data, .owner = kept};
}

const StoredTensor* find(const NamedTensors& tensors, std::string_view name) {
  const auto found = std::ranges::find(tensors, name, &NamedTensors::value_type::first);
  return found == tensors.end() ? nullptr : &found->second;
}

}  // namespace tempera
