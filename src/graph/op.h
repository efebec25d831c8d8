#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/dtype.h"

namespace tempera::graph {

enum class Op : uint8_t {
#define OP(name, ...) name,
#include "graph/op.def"
#undef OP
};

enum class OpClass : uint8_t {
  source,       // literal
  elementwise,  // each output element from the inputs' elements at the same (broadcast) index
  movement,     // each output element is one input element (or a fill): a map of indices
  contraction,  // sums of products: matmul, conv
  reduction,    // one value for many along some axes, and scans over an axis
  normalization,
  attention,
};

// An attribute's value. Which attributes an op has, their kinds and defaults stand in its row of
// op.def.
using AttributeValue = std::variant<int64_t, double, std::vector<int64_t>, DType, std::string>;

// An op's attributes, sorted by name. A Graph stores none that equal their default.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<std::string, AttributeValue>> values);
  void set(std::string name, AttributeValue value);
  const AttributeValue* find(std::string_view name) const;
  const std::vector<std::pair<std::string, AttributeValue>>& all() const { return values_; }
  bool operator==(const Attributes&) const = default;

 private:
  std::vector<std::pair<std::string, AttributeValue>> values_;
};

struct AttributeRow {
  std::string_view name;
  AttributeValue fallback;
};

// One row of the op table: everything printer, parser, verifier, hash and docs need to know of an
// op.
struct OpRow {
  Op op;
  std::string_view name;
  OpClass op_class;
  int min_inputs, max_inputs;  // max -1: any number
  int outputs;                 // -1: by an attribute
  std::vector<AttributeRow> attributes;
  std::string_view doc;
};

std::span<const OpRow> op_table();
const OpRow& row(Op op);
std::string_view name(Op op);
std::optional<Op> op_from_name(std::string_view name);

}  // namespace tempera::graph
