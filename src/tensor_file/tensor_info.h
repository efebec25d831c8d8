#pragma once

#include <cstdint>
#include <string>

#include "base/dtype.h"
#include "base/shape.h"

namespace tempera {

// A tensor in a file: dense, row-major, little-endian, in the bytes [begin, end) of the file.
struct TensorInfo {
  std::string name;
  DType dtype;
  Shape shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

}  // namespace tempera
