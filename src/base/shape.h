#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tempera {

// Extents of a tensor, outermost dimension first. A scalar has no dimensions.
using Shape = std::vector<int64_t>;

int64_t element_count(const Shape& shape);
std::string to_string(const Shape& shape);  // "[2, 4, 64, 64]"
// Strides in elements of a dense row-major tensor.
std::vector<int64_t> row_major_strides(const Shape& shape);

}  // namespace tempera
