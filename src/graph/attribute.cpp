#include "graph/attribute.h"

#include <algorithm>

namespace tempera::graph {

namespace {

template <typename T>
const T& typed_attribute(Op op, const Attributes& attributes, std::string_view name) {
  const T* value = std::get_if<T>(&attribute(op, attributes, name));
  CHECK(value, "{}'s attribute '{}' is of another kind", graph::name(op), name);
  return *value;
}

}  // namespace

const AttributeValue& attribute(Op op, const Attributes& attributes, std::string_view name) {
  if (const AttributeValue* value = attributes.find(name)) return *value;
  const auto& rows = row(op).attributes;
  auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == name; });
  CHECK(at != rows.end(), "{} has no attribute '{}'", graph::name(op), name);
  return at->fallback;
}

int64_t int_attribute(Op op, const Attributes& attributes, std::string_view name) {
  return typed_attribute<int64_t>(op, attributes, name);
}

double double_attribute(Op op, const Attributes& attributes, std::string_view name) {
  return typed_attribute<double>(op, attributes, name);
}

const std::vector<int64_t>& ints_attribute(Op op, const Attributes& attributes,
                                           std::string_view name) {
  return typed_attribute<std::vector<int64_t>>(op, attributes, name);
}

DType dtype_attribute(Op op, const Attributes& attributes, std::string_view name) {
  return typed_attribute<DType>(op, attributes, name);
}

const std::string& string_attribute(Op op, const Attributes& attributes, std::string_view name) {
  return typed_attribute<std::string>(op, attributes, name);
}

}  // namespace tempera::graph
