#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"

namespace tempera {

// A tensor whose values are asked for when their turn comes, so that a file may be larger than
// memory.
struct LazyTensor {
  std::string name;
  DType dtype;
  Shape shape;
  std::function<Result<Tensor>()> values;  // of that dtype and shape
};

// As write_safetensors; and errors of `values`.
Status stream_safetensors(const std::string& path, std::vector<LazyTensor> tensors,
                          const std::vector<std::pair<std::string, std::string>>& metadata = {});

// The largest power of two that divides the size, at most `limit`, a power of two.
constexpr size_t natural_alignment(size_t bytes, size_t limit) {
  const size_t whole = bytes | limit;
  return whole & (~whole + 1);
}

// For a file whose tensors are used where they are mapped: the data starts at a multiple of
// `alignment`, a power of two, and so does each tensor whose size is a multiple of it; they come
// first, and the smaller ones lie at multiples of their natural_alignment.
Status stream_aligned_safetensors(const std::string& path, std::vector<LazyTensor> tensors,
                                  int64_t alignment);

}  // namespace tempera
