#include <array>

#include "graph/geometry.h"
#include "graph/inference/call.h"

namespace tempera::graph::inference {

namespace {

enum class Accepts { any, numbers, floats, booleans };

Accepts accepted(Op op) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div:
    case Op::mod:
    case Op::pow:
    case Op::minimum:
    case Op::maximum:
    case Op::neg:
    case Op::abs:
    case Op::sign:
    case Op::relu:
    case Op::less:
    case Op::less_or_equal:
      return Accepts::numbers;
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_not:
      return Accepts::booleans;
    case Op::equal:
    case Op::where:
    case Op::cast:
      return Accepts::any;
    default:
      return Accepts::floats;
  }
}

bool accepts(Accepts accepted, DType dtype) {
  switch (accepted) {
    case Accepts::any:
      return true;
    case Accepts::numbers:
      return dtype != DType::boolean;
    case Accepts::floats:
      return is_float(dtype);
    case Accepts::booleans:
      return dtype == DType::boolean;
  }
  return false;
}

DType result_dtype(const Call& call, DType operand) {
  switch (call.op) {
    case Op::equal:
    case Op::less:
    case Op::less_or_equal:
      return DType::boolean;
    case Op::cast:
      return dtype_attribute(call.op, call.attributes, "to");
    default:
      return operand;
  }
}

}  // namespace

Types infer_elementwise(const Call& call) {
  size_t first = call.op == Op::where ? 1 : 0;
  if (first == 1 && call.dtype(0) != DType::boolean)
    return fault(call, "the condition is {}, not bool", name(call.dtype(0)));
  DType operand = call.dtype(first);
  if (!accepts(accepted(call.op), operand)) return fault(call, "does not take {}", name(operand));
  Shape shape = call.shape(0);
  for (size_t i = 1; i < call.inputs.size(); ++i) {
    if (i > first && call.dtype(i) != operand)
      return fault(call, "operands are {} and {}; cast one", name(operand), name(call.dtype(i)));
    auto joined = broadcast(shape, call.shape(i));
    if (!joined)
      return fault(call, "shapes {} and {} do not broadcast", to_string(shape),
                   to_string(call.shape(i)));
    shape = *joined;
  }
  return std::vector<TensorType>{{result_dtype(call, operand), shape}};
}

}  // namespace tempera::graph::inference
