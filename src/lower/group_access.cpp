#include "lower/group_access.h"

#include <algorithm>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "kernel/bounds.h"
#include "kernel/simplify.h"
#include "lower/elementwise.h"
#include "lower/index_map.h"

namespace tempera::lower {

using graph::Node;
using graph::Op;
using graph::OpClass;
using graph::Value;
using graph::ValueId;
using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;
using kernel::Type;

namespace {

bool same_index(const GroupAccess::Index& a, const GroupAccess::Index& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Expr& x, const Expr& y) { return x.same_as(y); });
}

// The position of `value` in a list of graph values, or -1.
int position(std::span<const ValueId> values, ValueId value) {
  const auto found = std::find(values.begin(), values.end(), value);
  return found == values.end() ? -1 : static_cast<int>(found - values.begin());
}

Expr literal_value(const Tensor& tensor) {
  switch (tensor.dtype) {
    case DType::f32:
      return kernel::constant({DType::f32, 1}, tensor.as<float>()[0]);
    case DType::f16:
      return kernel::constant({DType::f16, 1}, f16_to_f32(tensor.as<uint16_t>()[0]));
    case DType::bf16:
      return kernel::constant({DType::bf16, 1}, bf16_to_f32(tensor.as<uint16_t>()[0]));
    case DType::i64:
      return kernel::constant_int({DType::i64, 1}, tensor.as<int64_t>()[0]);
    case DType::i32:
      return kernel::constant_int({DType::i32, 1}, tensor.as<int32_t>()[0]);
    case DType::i8:
      return kernel::constant_int({DType::i8, 1}, tensor.as<int8_t>()[0]);
    case DType::u8:
      return kernel::constant_int({DType::u8, 1}, tensor.as<uint8_t>()[0]);
    case DType::boolean:
      return kernel::constant_int({DType::boolean, 1}, tensor.as<uint8_t>()[0]);
    case DType::f64:
      break;
  }
  CHECK(false, "kernels have no {} literals", name(tensor.dtype));
}

// A mask as wide as the index: a scalar load takes a scalar mask.
Expr fit_mask(const Expr& mask, const Expr& offset) {
  if (!mask.defined() || mask->type.lanes == offset->type.lanes) return mask;
  if (mask->type.is_scalar()) return kernel::broadcast(mask, offset->type.lanes);
  return {};  // a scalar read under a mask of lanes: its place is in range whenever a lane is on
}

// Where each piece of a concat begins along its axis, and where the last one ends.
std::vector<int64_t> piece_begins(const graph::Graph& body, const Node& concat) {
  std::vector<int64_t> begins{0};
  for (const ValueId input : concat.inputs) {
    const Shape& shape = body.value(input).shape;
    begins.push_back(begins.back() + shape[axis_of(concat, shape.size())]);
  }
  return begins;
}

// Lanes that start at a multiple of their number cannot span pieces that do too.
bool is_in_one_piece(const graph::Graph& body, const Node& concat, const Expr& along) {
  if (along->type.is_scalar()) return true;
  const int lanes = along->type.lanes;
  if (along->kind != kernel::ExprKind::ramp || !kernel::is_constant(along->args[1], 1))
    return false;
  kernel::RangeAnalysis ranges;
  const kernel::Range first = ranges.of(along->args[0]);
  const bool is_aligned = first.modulus % lanes == 0 && first.remainder % lanes == 0;
  const std::vector<int64_t> begins = piece_begins(body, concat);
  return is_aligned &&
         std::all_of(begins.begin(), begins.end(), [&](int64_t b) { return b % lanes == 0; });
}

}  // namespace

Expr element_offset(const Value& value, const std::vector<Expr>& index) {
  const std::vector<int64_t> stride = graph::strides(value.shape, value.layout);
  CHECK(index.size() == stride.size(), "an index of {} for {}", index.size(),
        to_string(value.shape));
  Expr offset = 0;
  for (size_t d = 0; d < stride.size(); ++d) {
    if (value.shape[d] == 1) continue;
    offset = offset + index[d] * Expr(static_cast<int>(stride[d]));
  }
  return kernel::simplify(offset);
}

Buffer GroupAccess::use(Operand operand, const std::string& name, Type type, int64_t size,
                        bool written) {
  for (const Use& u : uses_)
    if (u.operand == operand) return u.buffer;
  uses_.push_back({kernel::make_buffer(name, type, kernel::Space::global, size, written), operand});
  return uses_.back().buffer;
}

Buffer GroupAccess::temporary(int index, Type type, int64_t size, bool written) {
  return use({Operand::Kind::temporary, index}, fmt::format("t{}", index), type, size, written);
}

Buffer GroupAccess::packed(int index, Type type, int64_t size, bool written) {
  return use({Operand::Kind::packed, index}, fmt::format("p{}", index), type, size, written);
}

Buffer GroupAccess::whole_input(int index, int64_t size) {
  return whole({Operand::Kind::input, index}, group_.body.inputs()[index], size);
}

Buffer GroupAccess::whole_output(int index, int64_t size) {
  return whole({Operand::Kind::output, index}, group_.body.outputs()[index].value, size);
}

Buffer GroupAccess::whole(Operand operand, ValueId value, int64_t size) {
  const bool written = operand.kind == Operand::Kind::output;
  const Buffer buffer = use(operand, fmt::format("{}{}", written ? 'o' : 'i', operand.index),
                            {group_.body.value(value).dtype, 1}, size, written);
  mark_place(buffer, {});  // anywhere
  return buffer;
}

void GroupAccess::mark_place(const Buffer& buffer, const Index& index) {
  const bool at_place = !place_.empty() && same_index(index, place_);
  for (Use& u : uses_)
    if (u.buffer == buffer) u.only_at_place &= at_place;
}

Expr GroupAccess::load_input(ValueId id, const Index& index, Expr mask) {
  const Value& value = group_.body.value(id);
  const int input = position(group_.body.inputs(), id);
  CHECK(input >= 0, "value %{} is neither an input of the group nor computed in it", id);
  const Buffer buffer = use({Operand::Kind::input, input}, fmt::format("i{}", input),
                            {value.dtype, 1}, element_count(value.shape), false);
  mark_place(buffer, index);
  const Expr offset = element_offset(value, index);
  return kernel::load(buffer, offset, fit_mask(mask, offset));
}

Expr GroupAccess::concat_at(const Node& node, const Index& index, Expr mask) {
  const auto axis = axis_of(node, index.size());
  const std::vector<int64_t> begins = piece_begins(group_.body, node);
  const auto chosen = chosen_.find(&node);
  Expr value;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (chosen != chosen_.end() && chosen->second != i) continue;
    Index inner = index;
    if (begins[i] > 0) inner[axis] = index[axis] - Expr(static_cast<int>(begins[i]));
    if (chosen != chosen_.end()) return value_at(node.inputs[i], inner, mask);
    const Expr extent = static_cast<int>(begins[i + 1] - begins[i]);
    const Expr inside = kernel::simplify(Expr(-1) < inner[axis] && inner[axis] < extent);
    const Expr both = mask.defined() ? inside && mask : inside;
    const Expr piece = value_at(node.inputs[i], inner, both);
    value = value.defined() ? kernel::select(inside, piece, value) : piece;
  }
  return value;
}

GroupAccess::Join GroupAccess::first_join(ValueId id, const Index& index) const {
  const Value& value = group_.body.value(id);
  if (value.producer < 0 || known_.contains(id) || value.producer == group_.anchor) return {};
  const Node& node = group_.body.node(value.producer);
  switch (graph::row(node.op).op_class) {
    case OpClass::elementwise:
      for (const ValueId input : node.inputs) {
        const Join join =
            first_join(input, broadcast_index(group_.body.value(input).shape, value.shape, index));
        if (join.concat) return join;
      }
      return {};
    case OpClass::movement:
      break;
    default:
      return {};
  }
  switch (node.op) {
    case Op::concat: {
      const auto axis = axis_of(node, index.size());
      const auto chosen = chosen_.find(&node);
      if (chosen == chosen_.end()) {
        const Expr along = kernel::simplify(index[axis]);
        return is_in_one_piece(group_.body, node, along) ? Join{&node, along} : Join{};
      }
      Index inner = index;
      inner[axis] =
          index[axis] - Expr(static_cast<int>(piece_begins(group_.body, node)[chosen->second]));
      return first_join(node.inputs[chosen->second], inner);
    }
    case Op::pad:
      return first_join(node.inputs[0], pad_index(group_.body, node, index).index);
    case Op::split:
      return first_join(node.inputs[0], split_index(group_.body, node, id, index));
    case Op::gather:
      return {};
    default:
      return first_join(node.inputs[0], input_index(group_.body, node, index));
  }
}

// Halves the pieces until one is left.
Stmt GroupAccess::choose(const Join& join, size_t begin, size_t end,
                         const std::function<Stmt()>& body) {
  if (end - begin == 1) {
    chosen_[join.concat] = begin;
    Stmt one = body();
    chosen_.erase(join.concat);
    return one;
  }
  const size_t middle = (begin + end) / 2;
  const auto place = static_cast<int>(piece_begins(group_.body, *join.concat)[middle]);
  const Expr first = join.along->type.is_scalar() ? join.along : join.along->args[0];
  return kernel::branch(kernel::simplify(first < Expr(place)), choose(join, begin, middle, body),
                        choose(join, middle, end, body));
}

Stmt GroupAccess::each_piece(ValueId value, const Index& index, const std::function<Stmt()>& body) {
  const Join join = first_join(value, index);
  if (!join.concat) return body();
  return choose(join, 0, join.concat->inputs.size(),
                [&] { return each_piece(value, index, body); });
}

Expr GroupAccess::movement_at(const Node& node, const Index& index, Expr mask) {
  const Value& result = group_.body.value(node.outputs[0]);
  if (node.op == Op::concat) return concat_at(node, index, mask);
  if (node.op == Op::gather) {
    const Value& table = group_.body.value(node.inputs[0]);
    const auto axis = axis_of(node, table.shape.size());
    const size_t rank = group_.body.value(node.inputs[1]).shape.size();
    const Index at(index.begin() + axis, index.begin() + axis + rank);
    Expr row = kernel::cast(DType::i32, value_at(node.inputs[1], at, mask));
    const Expr extent = static_cast<int>(table.shape[axis]);
    row = kernel::select(row < Expr(0), row + extent, row);
    Index inner(index.begin(), index.begin() + axis);
    inner.push_back(row);
    inner.insert(inner.end(), index.begin() + axis + rank, index.end());
    return value_at(node.inputs[0], inner, mask);
  }
  if (node.op == Op::pad) {
    const InputIndex source = pad_index(group_.body, node, index);
    const Expr both = mask.defined() ? source.inside && mask : source.inside;
    const Expr value = value_at(node.inputs[0], source.index, both);
    const Expr fill =
        kernel::cast(result.dtype, kernel::f32(graph::double_attribute(node, "value")));
    return kernel::select(source.inside, value, fill);
  }
  return value_at(node.inputs[0], input_index(group_.body, node, index), mask);
}

Expr GroupAccess::value_at(ValueId id, const Index& index, Expr mask) {
  if (const auto known = known_.find(id); known != known_.end()) {
    for (const auto& [at, expr] : known->second)
      if (same_index(at, index)) return expr;
    CHECK(false, "a result read at another place than its own");
  }
  const Value& value = group_.body.value(id);
  if (value.producer < 0) return load_input(id, index, mask);
  CHECK(value.producer != group_.anchor, "the anchor's result asked for as an operand");
  const Node& node = group_.body.node(value.producer);
  if (node.op == Op::moments || node.op == Op::group_norm_affine) {
    const auto defined = defined_.find(id);
    return defined == defined_.end() ? kernel::variable("undefined", {value.dtype, 1})
                                     : defined->second(index, mask);
  }
  if (node.op == Op::literal && node.literal->size() == 1) return literal_value(*node.literal);
  if (node.op == Op::split)
    return value_at(node.inputs[0], split_index(group_.body, node, id, index), mask);
  if (graph::row(node.op).op_class == OpClass::movement) return movement_at(node, index, mask);
  CHECK(graph::row(node.op).op_class == OpClass::elementwise, "{} in a group beside its anchor",
        name(node.op));
  std::vector<Expr> args;
  for (const ValueId input : node.inputs)
    args.push_back(
        value_at(input, broadcast_index(group_.body.value(input).shape, value.shape, index), mask));
  return elementwise(node, args, value.dtype);
}

// What a member after the anchor makes of its operand's elements: each at the place where it ends
// up.
GroupAccess::Places GroupAccess::follow(const Node& node, const Places& source, const Expr& mask) {
  if (const auto half = graph::half_of_columns(group_.body, node))
    return {{source.at(0).first, source.at(*half).second}};
  Places places;
  for (const auto& [at, expr] : source) {
    if (graph::row(node.op).op_class == OpClass::movement)
      places.emplace_back(output_index(group_.body, node, at), expr);
    else
      places.emplace_back(at, value_at(node.outputs[0], at, mask));
  }
  return places;
}

std::vector<Stmt> GroupAccess::store_all(std::map<ValueId, Places> known, Expr mask) {
  known_ = std::move(known);
  std::vector<Stmt> stores;
  for (const Node& node : group_.body.nodes()) {
    const auto source = std::find_if(node.inputs.begin(), node.inputs.end(),
                                     [&](ValueId v) { return known_.contains(v); });
    if (source == node.inputs.end()) continue;
    if (node.op == Op::channel_moments) {
      for (const auto& place : known_.at(*source))
        stores.push_back(watches_.at(*source)(place.second));
      continue;
    }
    Places places = follow(node, known_.at(*source), mask);
    known_[node.outputs[0]] = std::move(places);
  }
  for (size_t o = 0; o < group_.body.outputs().size(); ++o) {
    const ValueId id = group_.body.outputs()[o].value;
    if (!known_.contains(id)) continue;  // channel_moments, which the schedule stores itself
    const Value& value = group_.body.value(id);
    for (const auto& [index, expr] : known_.at(id)) {
      const Buffer buffer = use({Operand::Kind::output, static_cast<int>(o)}, fmt::format("o{}", o),
                                {value.dtype, 1}, element_count(value.shape), true);
      mark_place(buffer, index);
      const Expr offset = element_offset(value, index);
      Expr stored = expr;
      if (stored->type.lanes < offset->type.lanes)
        stored = kernel::broadcast(stored, offset->type.lanes);
      // A vector over a dimension of extent 1: only its first lane is an element.
      if (stored->type.lanes > offset->type.lanes) stored = kernel::extract(stored, 0);
      stores.push_back(kernel::store(buffer, offset, stored, fit_mask(mask, offset)));
    }
  }
  place_.clear();
  known_.clear();
  return stores;
}

Stmt GroupAccess::store_results(const Index& index, const std::vector<Expr>& results, Expr mask) {
  const Node& anchor = group_.body.node(group_.anchor);
  CHECK(results.size() == anchor.outputs.size(), "{} results of {}", results.size(),
        name(anchor.op));
  place_ = index;
  std::map<ValueId, Places> known;
  for (size_t i = 0; i < results.size(); ++i) known[anchor.outputs[i]] = {{index, results[i]}};
  return kernel::block(store_all(std::move(known), mask));
}

Stmt GroupAccess::store_halves(const std::vector<Index>& indices, const std::vector<Expr>& results,
                               Expr mask) {
  place_ = indices.at(0);
  Places places;
  for (size_t i = 0; i < results.size(); ++i) places.emplace_back(indices[i], results[i]);
  return kernel::block(store_all({{group_.body.node(group_.anchor).outputs[0], places}}, mask));
}

Stmt GroupAccess::store_outputs(const Index& index, Expr mask) {
  place_ = index;
  std::map<ValueId, Places> known;
  for (const graph::NamedValue& output : group_.body.outputs())
    known[output.value] = {{index, value_at(output.value, index, mask)}};
  return kernel::block(store_all(std::move(known), mask));
}

Launch GroupAccess::launch(std::string name, Stmt body) const {
  Launch launch;
  launch.kernel.name = std::move(name);
  launch.kernel.body = std::move(body);
  for (const Use& u : uses_) {
    launch.kernel.parameters.push_back(u.buffer);
    launch.operands.push_back(u.operand);
  }
  return launch;
}

std::vector<std::pair<int, int>> GroupAccess::in_place() const {
  std::vector<std::pair<int, int>> pairs;
  for (const Use& output : uses_) {
    if (output.operand.kind != Operand::Kind::output || !output.only_at_place) continue;
    const Value& o = group_.body.value(group_.body.outputs()[output.operand.index].value);
    for (const Use& input : uses_) {
      if (input.operand.kind != Operand::Kind::input || !input.only_at_place) continue;
      const Value& i = group_.body.value(group_.body.inputs()[input.operand.index]);
      if (i.dtype == o.dtype && i.shape == o.shape && i.layout == o.layout)
        pairs.emplace_back(output.operand.index, input.operand.index);
    }
  }
  return pairs;
}

}  // namespace tempera::lower
