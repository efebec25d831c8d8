#include "graph/graph.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "graph/infer.h"

namespace tempera::graph {

std::string_view name(Rate rate) {
  constexpr std::array<std::string_view, 5> kNames{"constant", "load", "picture", "prompt", "step"};
  return kNames.at(static_cast<size_t>(rate));
}

std::vector<int64_t> strides(const Shape& shape, const Layout& layout) {
  if (layout.order.empty()) return row_major_strides(shape);
  CHECK(layout.order.size() == shape.size(), "a layout of {} dimensions for {}",
        layout.order.size(), to_string(shape));
  std::vector<int64_t> result(shape.size());
  int64_t stride = 1;
  for (auto at = layout.order.rbegin(); at != layout.order.rend(); ++at) {
    result[*at] = stride;
    stride *= shape[*at];
  }
  return result;
}

ValueId Graph::add_input(std::string name, DType dtype, Shape shape, Rate rate, Layout layout) {
  auto id = static_cast<ValueId>(values_.size());
  values_.push_back({.dtype = dtype,
                     .shape = std::move(shape),
                     .rate = rate,
                     .producer = -1,
                     .name = std::move(name)});
  inputs_.push_back(id);
  set_layout(id, std::move(layout));
  return id;
}

ValueId Graph::add_literal(Tensor tensor) {
  auto id = static_cast<ValueId>(values_.size());
  auto producer = static_cast<NodeId>(nodes_.size());
  values_.push_back({.dtype = tensor.dtype, .shape = tensor.shape, .producer = producer});
  nodes_.push_back({.op = Op::literal,
                    .outputs = {id},
                    .literal = std::make_shared<const Tensor>(std::move(tensor))});
  return id;
}

namespace {

Attributes without_defaults(Op op, const Attributes& attributes) {
  Attributes result;
  for (const auto& [name, value] : attributes.all()) {
    const auto& rows = row(op).attributes;
    bool is_default = std::any_of(rows.begin(), rows.end(), [&](const AttributeRow& r) {
      return r.name == name && r.fallback == value;
    });
    if (!is_default) result.set(name, value);
  }
  return result;
}

}  // namespace

std::vector<ValueId> Graph::add(Op op, std::vector<ValueId> inputs, const Attributes& attributes,
                                std::vector<std::string> origin) {
  while (!inputs.empty() && inputs.back() == kAbsent) inputs.pop_back();
  std::vector<const Value*> types;
  for (ValueId id : inputs) {
    CHECK(id == kAbsent || (id >= 0 && id < std::ssize(values_)), "{} of value {}", name(op), id);
    types.push_back(id == kAbsent ? nullptr : &value(id));
  }
  auto inferred = infer(op, attributes, types);
  CHECK(inferred.ok(), "{}", inferred.error().message);
  Node node{.op = op,
            .attributes = without_defaults(op, attributes),
            .inputs = std::move(inputs),
            .origin = std::move(origin)};
  for (Value& output : *inferred) {
    output.producer = static_cast<NodeId>(nodes_.size());
    node.outputs.push_back(static_cast<ValueId>(values_.size()));
    values_.push_back(std::move(output));
  }
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

void Graph::add_output(std::string name, ValueId value) {
  CHECK(value >= 0 && value < static_cast<ValueId>(values_.size()), "output '{}' of value {}", name,
        value);
  outputs_.push_back({std::move(name), value});
}

void Graph::set_layout(ValueId id, Layout layout) {
  Value& value = values_.at(id);
  std::vector<int> row_major(value.shape.size());
  std::iota(row_major.begin(), row_major.end(), 0);
  if (layout.order == row_major) layout.order.clear();
  CHECK(layout.order.empty() || std::is_permutation(layout.order.begin(), layout.order.end(),
                                                    row_major.begin(), row_major.end()),
        "a layout that does not permute the dimensions of {}", to_string(value.shape));
  value.layout = std::move(layout);
}

void Graph::add_origin(NodeId node, const std::vector<std::string>& origin) {
  auto& all = nodes_.at(node).origin;
  for (const std::string& path : origin)
    if (std::find(all.begin(), all.end(), path) == all.end()) all.push_back(path);
}

std::vector<std::vector<NodeId>> users(const Graph& graph) {
  std::vector<std::vector<NodeId>> result(graph.values().size());
  for (size_t n = 0; n < graph.nodes().size(); ++n)
    for (ValueId input : graph.nodes()[n].inputs)
      if (input != kAbsent) result[input].push_back(static_cast<NodeId>(n));
  return result;
}

}  // namespace tempera::graph
