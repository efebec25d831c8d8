#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/shape.h"

namespace tempera::torch {

// A view of elements: where the first lies, and how far apart neighbours are along each dimension.
struct Strided {
  uint64_t offset = 0;
  Shape shape;
  std::vector<int64_t> strides;  // as many as dimensions, none negative
};

// How many elements from the storage's start the view needs: 0 for an empty one; nothing when that
// is 2^63 or more.
std::optional<uint64_t> extent(const Strided& view);
// The elements of the view; nothing when they are 2^63 or more.
std::optional<uint64_t> element_count(const Strided& view);
// Whether they lie side by side in row-major order.
bool is_dense(const Strided& view);
// Them, side by side. `bytes` holds the view's extent.
std::vector<std::byte> gather(std::span<const std::byte> bytes, const Strided& view,
                              int64_t element_bytes);

}  // namespace tempera::torch
