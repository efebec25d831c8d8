#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// An attribute of an op, or the default of its row. CHECK that the row has it and that its kind is
// the asked one.
const AttributeValue& attribute(Op op, const Attributes& attributes, std::string_view name);
int64_t int_attribute(Op op, const Attributes& attributes, std::string_view name);
double double_attribute(Op op, const Attributes& attributes, std::string_view name);
const std::vector<int64_t>& ints_attribute(Op op, const Attributes& attributes,
                                           std::string_view name);
DType dtype_attribute(Op op, const Attributes& attributes, std::string_view name);
const std::string& string_attribute(Op op, const Attributes& attributes, std::string_view name);

inline int64_t int_attribute(const Node& node, std::string_view name) {
  return int_attribute(node.op, node.attributes, name);
}
inline double double_attribute(const Node& node, std::string_view name) {
  return double_attribute(node.op, node.attributes, name);
}
inline const std::vector<int64_t>& ints_attribute(const Node& node, std::string_view name) {
  return ints_attribute(node.op, node.attributes, name);
}
inline DType dtype_attribute(const Node& node, std::string_view name) {
  return dtype_attribute(node.op, node.attributes, name);
}
inline const std::string& string_attribute(const Node& node, std::string_view name) {
  return string_attribute(node.op, node.attributes, name);
}

}  // namespace tempera::graph
