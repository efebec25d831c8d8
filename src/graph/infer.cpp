#include "graph/infer.h"

#include <algorithm>

#include "graph/geometry.h"
#include "graph/inference/call.h"

namespace tempera::graph {

namespace inference {

Result<int64_t> checked_axis(const Call& call, int64_t axis, size_t rank) {
  int64_t positive = positive_axis(axis, rank);
  if (positive < 0 || positive >= static_cast<int64_t>(rank))
    return fault(call, "axis {} of a tensor of rank {}", axis, rank);
  return positive;
}

Result<std::vector<int64_t>> checked_axes(const Call& call, const std::vector<int64_t>& axes,
                                          size_t rank) {
  for (int64_t axis : axes) {
    auto checked = checked_axis(call, axis, rank);
    if (!checked.ok()) return checked.error();
  }
  auto result = positive_axes(axes, rank);
  if (std::adjacent_find(result.begin(), result.end()) != result.end())
    return fault(call, "the axes {} name one twice", to_string(axes));
  return result;
}

Status check_floats(const Call& call) {
  if (!is_float(call.dtype(0))) return fault(call, "needs floats, not {}", name(call.dtype(0)));
  for (size_t i = 1; i < call.inputs.size(); ++i)
    if (call.has(i) && call.dtype(i) != call.dtype(0))
      return fault(call, "input {} is {}, input 0 is {}", i, name(call.dtype(i)),
                   name(call.dtype(0)));
  return {};
}

namespace {

std::string arity_text(const OpRow& op) {
  if (op.max_inputs < 0) return fmt::format("{} inputs or more", op.min_inputs);
  if (op.min_inputs == op.max_inputs) return fmt::format("{} inputs", op.min_inputs);
  return fmt::format("{} to {} inputs", op.min_inputs, op.max_inputs);
}

Status check_arity(const Call& call) {
  const OpRow& op = row(call.op);
  int given = static_cast<int>(call.inputs.size());
  if (given < op.min_inputs || (op.max_inputs >= 0 && given > op.max_inputs))
    return fault(call, "takes {}, not {}", arity_text(op), given);
  int needed = op.max_inputs < 0 ? given : op.min_inputs;
  for (int i = 0; i < needed; ++i)
    if (!call.has(i)) return fault(call, "input {} is missing", i);
  return {};
}

Status check_attributes(const Call& call) {
  const auto& rows = row(call.op).attributes;
  for (const auto& [name, value] : call.attributes.all()) {
    auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == name; });
    if (at == rows.end()) return fault(call, "has no attribute '{}'", name);
    if (at->fallback.index() != value.index())
      return fault(call, "attribute '{}' is of another kind", name);
  }
  return {};
}

Types infer_types(const Call& call) {
  switch (row(call.op).op_class) {
    case OpClass::source:
      return fault(call, "has no inputs to infer from");
    case OpClass::elementwise:
      return infer_elementwise(call);
    case OpClass::movement:
      return infer_movement(call);
    case OpClass::contraction:
      return infer_contraction(call);
    case OpClass::reduction:
      return infer_reduction(call);
    case OpClass::normalization:
      return infer_normalization(call);
    case OpClass::attention:
      return infer_attention(call);
  }
  CHECK(false, "an op of no class");
}

}  // namespace
}  // namespace inference

Result<std::vector<Value>> infer(Op op, const Attributes& attributes,
                                 std::span<const Value* const> inputs) {
  inference::Call call{op, attributes, inputs};
  TRY(inference::check_arity(call));
  TRY(inference::check_attributes(call));
  ASSIGN_OR_RETURN(auto types, inference::infer_types(call));
  Rate rate = Rate::constant;
  for (const Value* input : inputs)
    if (input) rate = std::max(rate, input->rate);
  std::vector<Value> values;
  values.reserve(types.size());
  for (auto& type : types)
    values.push_back({.dtype = type.dtype, .shape = std::move(type.shape), .rate = rate});
  return values;
}

}  // namespace tempera::graph
