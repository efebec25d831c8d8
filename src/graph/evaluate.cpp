#include "graph/evaluate.h"

#include <map>

#include "graph/evaluation/array.h"

namespace tempera::graph {

namespace {

using evaluation::Array;
using evaluation::Arrays;
using evaluation::Call;

Arrays evaluate_call(const Call& call) {
  switch (row(call.node.op).op_class) {
    case OpClass::source:
      return {evaluation::to_array(*call.node.literal)};
    case OpClass::elementwise:
      return evaluation::evaluate_elementwise(call);
    case OpClass::movement:
      return evaluation::evaluate_movement(call);
    case OpClass::contraction:
      return evaluation::evaluate_contraction(call);
    case OpClass::reduction:
      return evaluation::evaluate_reduction(call);
    case OpClass::normalization:
      return evaluation::evaluate_normalization(call);
    case OpClass::attention:
      return evaluation::evaluate_attention(call);
  }
  CHECK(false, "an op of no class");
}

Arrays evaluate_arrays(const Graph& graph, const Node& node, std::vector<const Array*> inputs,
                       bool f64) {
  Call call{node, std::move(inputs), {}};
  for (ValueId id : node.outputs) call.outputs.push_back(graph.value(id));
  Arrays results = evaluate_call(call);
  for (size_t i = 0; i < results.size(); ++i)
    if (!f64 || !results[i].is_float()) round_to(results[i], call.outputs[i].dtype);
  return results;
}

void check_input(const Value& value, const Tensor& tensor, bool f64) {
  bool dtype_fits =
      tensor.dtype == value.dtype || (f64 && is_float(tensor.dtype) && is_float(value.dtype));
  CHECK(dtype_fits && tensor.shape == value.shape, "input '{}' is {}{}, given {}{}", value.name,
        name(value.dtype), to_string(value.shape), name(tensor.dtype), to_string(tensor.shape));
}

// Values while the graph runs; each is dropped after its last reader.
class Evaluation {
 public:
  Evaluation(const Graph& graph, const EvaluateOptions& options)
      : graph_(graph), f64_(options.f64), readers_(graph.values().size()) {
    for (const Node& node : graph.nodes())
      for (ValueId id : node.inputs)
        if (id != kAbsent) ++readers_[id];
    for (const NamedValue& output : graph.outputs()) ++readers_[output.value];
  }

  void set_inputs(std::span<const Tensor> inputs) {
    CHECK(inputs.size() == graph_.inputs().size(), "{} inputs for a graph of {}", inputs.size(),
          graph_.inputs().size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      check_input(graph_.value(graph_.inputs()[i]), inputs[i], f64_);
      arrays_[graph_.inputs()[i]] = evaluation::to_array(inputs[i]);
    }
  }

  void run(const Node& node) {
    std::vector<const Array*> inputs;
    inputs.reserve(node.inputs.size());
    for (ValueId id : node.inputs) inputs.push_back(id == kAbsent ? nullptr : &arrays_.at(id));
    Arrays results = evaluate_arrays(graph_, node, std::move(inputs), f64_);
    for (size_t i = 0; i < results.size(); ++i)
      if (readers_[node.outputs[i]] > 0) arrays_[node.outputs[i]] = std::move(results[i]);
    for (ValueId id : node.inputs)
      if (id != kAbsent && --readers_[id] == 0) arrays_.erase(id);
  }

  std::vector<Tensor> outputs() const {
    std::vector<Tensor> tensors;
    for (const NamedValue& output : graph_.outputs()) {
      const Array& array = arrays_.at(output.value);
      DType dtype = f64_ && array.is_float() ? DType::f64 : graph_.value(output.value).dtype;
      tensors.push_back(evaluation::to_tensor(array, dtype));
    }
    return tensors;
  }

 private:
  const Graph& graph_;
  bool f64_;
  std::vector<int64_t> readers_;
  std::map<ValueId, Array> arrays_;
};

}  // namespace

std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs,
                             const EvaluateOptions& options) {
  Evaluation evaluation(graph, options);
  evaluation.set_inputs(inputs);
  for (const Node& node : graph.nodes()) evaluation.run(node);
  return evaluation.outputs();
}

std::vector<Tensor> evaluate_node(const Graph& graph, const Node& node,
                                  std::span<const Tensor* const> inputs) {
  Arrays arrays;
  arrays.reserve(inputs.size());
  std::vector<const Array*> pointers;
  for (const Tensor* tensor : inputs) {
    pointers.push_back(nullptr);
    if (tensor) pointers.back() = &arrays.emplace_back(evaluation::to_array(*tensor));
  }
  Arrays results = evaluate_arrays(graph, node, std::move(pointers), false);
  std::vector<Tensor> tensors;
  tensors.reserve(results.size());
  for (size_t i = 0; i < results.size(); ++i)
    tensors.push_back(evaluation::to_tensor(results[i], graph.value(node.outputs[i]).dtype));
  return tensors;
}

}  // namespace tempera::graph
