#pragma once

#include <algorithm>
#include <span>

#include "graph/evaluation/array.h"

namespace tempera::graph::evaluation {

// An array seen as rows along `axes` (sorted): one row for each index of the other axes, in
// row-major order.
template <typename T>
class Rows {
 public:
  Rows(const Array& array, const std::vector<int64_t>& axes) {
    auto strides = row_major_strides(array.shape);
    OffsetTables kept, along;
    for (size_t d = 0; d < array.shape.size(); ++d) {
      bool is_along = std::binary_search(axes.begin(), axes.end(), static_cast<int64_t>(d));
      (is_along ? along : kept).push_back(progression(array.shape[d], strides[d]));
    }
    count_ = std::ssize(offsets(kept));
    length_ = std::ssize(offsets(along));
    kept.insert(kept.end(), along.begin(), along.end());
    offsets_ = offsets(kept);
    const auto& from = std::get<std::vector<T>>(array.elements);
    for (int64_t offset : offsets_) elements_.push_back(from[offset]);
  }
  int64_t count() const { return count_; }
  std::span<T> operator[](int64_t row) {
    return {elements_.data() + row * length_, static_cast<size_t>(length_)};
  }
  // The elements back in the array's order.
  std::vector<T> restored() const {
    std::vector<T> result(elements_.size());
    for (size_t i = 0; i < result.size(); ++i) result[offsets_[i]] = elements_[i];
    return result;
  }

 private:
  int64_t count_, length_;
  std::vector<int64_t> offsets_;
  std::vector<T> elements_;
};

struct Moments {
  double mean, rstd;
};
// Mean and 1 / sqrt(biased variance + epsilon).
Moments moments_of(std::span<const double> row, double epsilon);

// row = exp(row - max) / sum of it. A row of -infinities becomes zeros.
void softmax_in_place(std::span<double> row);

}  // namespace tempera::graph::evaluation
