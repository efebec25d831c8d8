#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"
#include "base/tensor.h"
#include "graph/op.h"

namespace tempera::graph {

// The tensor graph: nodes in topological order; a node is an op, its attributes, inputs and
// outputs.
//
// Semantics. A value is written once. Shapes are static. evaluate() (graph/evaluate.h) is the
// definition of every op; graph/op.def states each in one line. Floats are computed in f32 or wider
// and rounded to the value's dtype; integers wrap; bool is 0 or 1. Weights are inputs of rate
// `load`, named by their tensor; literals are constants of the model. A Graph is only ever appended
// to: a pass builds a new one (see passes/rewrite.h).

using ValueId = int32_t;
using NodeId = int32_t;
constexpr ValueId kAbsent = -1;  // an optional input that is not given

// How often a value changes, from least to most: known when compiled, once a model, once a picture
// (an init image or mask), once a prompt, every step. A node runs at the highest rate of its
// inputs.
enum class Rate : uint8_t { constant, load, picture, prompt, step };
std::string_view name(Rate rate);

// How a value lies in memory: logical dimensions from outermost to innermost. Empty means
// row-major. NCHW's channels-last form is {0, 2, 3, 1}.
struct Layout {
  std::vector<int> order;
  bool operator==(const Layout&) const = default;
};
// Strides in elements of each logical dimension.
std::vector<int64_t> strides(const Shape& shape, const Layout& layout);

struct Value {
  DType dtype = DType::f32;
  Shape shape;
  Layout layout;
  Rate rate = Rate::constant;
  NodeId producer = -1;  // -1: a graph input
  std::string name;      // of a graph input; otherwise empty
};

struct Node {
  Op op;
  Attributes attributes;
  std::vector<ValueId> inputs;  // kAbsent where an optional input is not given
  std::vector<ValueId> outputs;
  std::shared_ptr<const Tensor> literal;  // of Op::literal only
  std::vector<std::string> origin;  // module paths this node came from; see GraphBuilder::scope
};

struct NamedValue {
  std::string name;
  ValueId value;
};

class Graph {
 public:
  ValueId add_input(std::string name, DType dtype, Shape shape, Rate rate, Layout layout = {});
  ValueId add_literal(Tensor tensor);
  // Appends a node; infers the outputs' dtypes, shapes and rate, and CHECKs that the node is well
  // formed (frontends must have checked what comes from files). `origin` as in Node.
  std::vector<ValueId> add(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {},
                           std::vector<std::string> origin = {});
  void add_output(std::string name, ValueId value);

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<NamedValue>& outputs() const { return outputs_; }
  const Node& node(NodeId id) const { return nodes_.at(id); }
  const Value& value(ValueId id) const { return values_.at(id); }
  // The layout and origin are the two things that may be set after a node is made.
  void set_layout(ValueId value, Layout layout);
  void add_origin(NodeId node, const std::vector<std::string>& origin);

 private:
  std::vector<Node> nodes_;
  std::vector<Value> values_;
  std::vector<ValueId> inputs_;
  std::vector<NamedValue> outputs_;
};

// For each value, the nodes that read it (a node twice if it reads it twice).
std::vector<std::vector<NodeId>> users(const Graph& graph);

}  // namespace tempera::graph
