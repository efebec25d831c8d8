#pragma once

#include <string>

#include "base/dtype.h"

namespace tempera::kernel {

// The type of an expression: `lanes` elements of one dtype; 1 lane is a scalar.
struct Type {
  DType dtype = DType::i32;
  int lanes = 1;

  bool operator==(const Type&) const = default;
  bool is_scalar() const { return lanes == 1; }
  Type with_lanes(int count) const { return {dtype, count}; }
  Type element() const { return {dtype, 1}; }
};

std::string to_string(Type type);  // "f32", "f32x16"
int64_t size_in_bytes(Type type);

}  // namespace tempera::kernel
