#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/dtype.h"
#include "base/shape.h"

namespace tempera {

// A dense row-major tensor in host memory. f16 and bf16 elements are uint16_t bit patterns, boolean
// ones uint8_t 0 or 1.
struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> data;

  Tensor() = default;
  Tensor(DType dtype, Shape shape)
      : dtype(dtype),
        shape(std::move(shape)),
        data(element_count(this->shape) * size_in_bytes(dtype)) {}
  template <typename T>
  static Tensor of(DType dtype, Shape shape, const std::vector<T>& values);

  int64_t size() const { return element_count(shape); }
  template <typename T>
  std::span<T> as() {
    check_element_size(sizeof(T));
    return {reinterpret_cast<T*>(data.data()), data.size() / sizeof(T)};
  }
  template <typename T>
  std::span<const T> as() const {
    check_element_size(sizeof(T));
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
  bool operator==(const Tensor&) const = default;

 private:
  void check_element_size(size_t bytes) const {
    CHECK(static_cast<int64_t>(bytes) == size_in_bytes(dtype),
          "a {} tensor read as {}-byte elements", name(dtype), bytes);
  }
};

template <typename T>
Tensor Tensor::of(DType dtype, Shape shape, const std::vector<T>& values) {
  Tensor tensor(dtype, std::move(shape));
  CHECK(static_cast<int64_t>(values.size()) == tensor.size(), "{} values for {}", values.size(),
        to_string(tensor.shape));
  std::copy(values.begin(), values.end(), tensor.as<T>().begin());
  return tensor;
}

}  // namespace tempera
