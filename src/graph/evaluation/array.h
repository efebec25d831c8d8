#pragma once

#include <variant>
#include <vector>

#include "graph/geometry.h"

namespace tempera::graph::evaluation {

// A row-major tensor while it is computed with: floats as double, integers and bool as int64_t.
struct Array {
  Shape shape;
  std::variant<std::vector<double>, std::vector<int64_t>> elements;

  int64_t size() const { return element_count(shape); }
  bool is_float() const { return elements.index() == 0; }
  const std::vector<double>& floats() const { return std::get<0>(elements); }
  const std::vector<int64_t>& integers() const { return std::get<1>(elements); }
};

Array to_array(const Tensor& tensor);
// Rounds floats to `dtype` and wraps integers.
Tensor to_tensor(const Array& array, DType dtype);
// The same rounding and wrapping, staying an Array.
void round_to(Array& array, DType dtype);
// `value` modulo the range of an integer dtype; 0 or 1 for bool.
int64_t wrapped(int64_t value, DType dtype);

// Where each element of a row-major result comes from: the sum of one table entry for each
// dimension; -1 (in any of them) is a fill. tables[d][i] belongs to index i of dimension d.
using OffsetTables = std::vector<std::vector<int64_t>>;
std::vector<int64_t> offsets(const OffsetTables& tables);
// {start, start + step, ...} of `count` entries.
std::vector<int64_t> progression(int64_t count, int64_t step, int64_t start = 0);
// The elements of `from` at `offsets` (-1: fill) under `shape`.
Array gathered(const Array& from, const std::vector<int64_t>& offsets, Shape shape,
               double fill = 0);
// `from` broadcast to `shape`.
Array expanded(const Array& from, const Shape& shape);

// A node's evaluation: inputs (nullptr: not given) and what its outputs are.
struct Call {
  const Node& node;
  std::vector<const Array*> inputs;
  std::vector<Value> outputs;

  const Array& input(size_t i) const { return *inputs.at(i); }
  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  const Shape& shape(size_t i = 0) const { return outputs.at(i).shape; }
  int64_t integer(std::string_view name) const { return int_attribute(node, name); }
  double real(std::string_view name) const { return double_attribute(node, name); }
  const std::vector<int64_t>& integers(std::string_view name) const {
    return ints_attribute(node, name);
  }
};

using Arrays = std::vector<Array>;
Arrays evaluate_elementwise(const Call& call);
Arrays evaluate_movement(const Call& call);
Arrays evaluate_contraction(const Call& call);
Arrays evaluate_reduction(const Call& call);
Arrays evaluate_normalization(const Call& call);
Arrays evaluate_attention(const Call& call);

}  // namespace tempera::graph::evaluation
