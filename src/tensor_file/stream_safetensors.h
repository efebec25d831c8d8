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

}  // namespace tempera
