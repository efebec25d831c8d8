#pragma once

#include <span>

#include "base/status.h"
#include "graph/attribute.h"

namespace tempera::graph::inference {

struct TensorType {
  DType dtype;
  Shape shape;
};
using Types = Result<std::vector<TensorType>>;

// A node whose arity and attribute kinds are already checked.
struct Call {
  Op op;
  const Attributes& attributes;
  std::span<const Value* const> inputs;

  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  DType dtype(size_t i) const { return inputs[i]->dtype; }
  const Shape& shape(size_t i) const { return inputs[i]->shape; }
  size_t rank(size_t i) const { return inputs[i]->shape.size(); }
  int64_t integer(std::string_view name) const { return int_attribute(op, attributes, name); }
  const std::vector<int64_t>& integers(std::string_view name) const {
    return ints_attribute(op, attributes, name);
  }
};

template <typename... Args>
Error fault(const Call& call, fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorCode::invalid_argument,
          std::string(name(call.op)) + ": " + fmt::format(format, std::forward<Args>(args)...)};
}

// An axis within the rank, counted from the front.
Result<int64_t> checked_axis(const Call& call, int64_t axis, size_t rank);
// Distinct axes within the rank, counted from the front, sorted; all if none are given.
Result<std::vector<int64_t>> checked_axes(const Call& call, const std::vector<int64_t>& axes,
                                          size_t rank);
// All given inputs are of the first one's dtype, and that is a float.
Status check_floats(const Call& call);

Types infer_elementwise(const Call& call);
Types infer_movement(const Call& call);
Types infer_contraction(const Call& call);
Types infer_reduction(const Call& call);
Types infer_normalization(const Call& call);
Types infer_attention(const Call& call);

}  // namespace tempera::graph::inference
