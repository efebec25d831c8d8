#include "graph/op.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace tempera::graph {

namespace {

using I = std::vector<int64_t>;
using N = int64_t;
using D = double;
using S = std::string;

std::vector<OpRow> make_table() {
#define LIST(...) {__VA_ARGS__}
#define A(name, fallback) \
  AttributeRow { name, fallback }
#define OP(op, op_class, min_inputs, max_inputs, outputs, attributes, doc) \
  OpRow{Op::op, #op, OpClass::op_class, min_inputs, max_inputs, outputs, LIST attributes, doc},
  return {
#include "graph/op.def"
  };
#undef OP
#undef A
#undef LIST
}

const std::vector<OpRow>& table() {
  static const std::vector<OpRow> rows = make_table();
  return rows;
}

auto by_name(std::string_view name) {
  return [name](const auto& entry) { return entry.first < name; };
}

}  // namespace

Attributes::Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> values) {
  for (const auto& [name, value] : values) set(name, value);
}

void Attributes::set(std::string name, AttributeValue value) {
  auto at = std::partition_point(values_.begin(), values_.end(), by_name(name));
  if (at != values_.end() && at->first == name)
    at->second = std::move(value);
  else
    values_.emplace(at, std::move(name), std::move(value));
}

const AttributeValue* Attributes::find(std::string_view name) const {
  auto at = std::partition_point(values_.begin(), values_.end(), by_name(name));
  return at != values_.end() && at->first == name ? &at->second : nullptr;
}

std::span<const OpRow> op_table() { return table(); }

const OpRow& row(Op op) { return table().at(static_cast<size_t>(op)); }

std::string_view name(Op op) { return row(op).name; }

std::optional<Op> op_from_name(std::string_view name) {
  static const auto index = [] {
    std::map<std::string_view, Op> names;
    for (const OpRow& row : table()) names.emplace(row.name, row.op);
    return names;
  }();
  auto at = index.find(name);
  if (at == index.end()) return std::nullopt;
  return at->second;
}

}  // namespace tempera::graph
