#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/file.h"
#include "base/shape.h"
#include "base/status.h"
#include "base/tensor.h"

namespace tempera {

// A tensor wherever its values are: dense, row-major, little-endian, aligned to nothing.
struct StoredTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;  // valid as long as `owner`; empty if `compute` is set
  std::shared_ptr<const void> owner;
  std::shared_ptr<const MappedFile>
      file;  // where `bytes` lie, if its pages can be dropped; or null
  std::function<Result<Tensor>()> compute;  // makes the values each time they are needed
};
using NamedTensors = std::vector<std::pair<std::string, StoredTensor>>;

int64_t size_in_bytes(const StoredTensor& tensor);
// A copy of the values, or those that `compute` makes.
Result<Tensor> load(const StoredTensor& tensor);
// A tensor in memory.
StoredTensor stored(Tensor tensor);
// The first of that name; null when there is none.
const StoredTensor* find(const NamedTensors& tensors, std::string_view name);

}  // namespace tempera
