#include <algorithm>
#include <numeric>

#include "graph/evaluate.h"
#include "graph/geometry.h"
#include "graph/made_by.h"
#include "graph/passes/simplify.h"

namespace tempera::graph {

namespace {

using Context = SimplifyContext;
using Simpler = std::optional<ValueId>;
using List = std::vector<int64_t>;

const Value& value(const Context& c, ValueId id) { return c.graph.value(id); }
const Shape& shape(const Context& c, ValueId id) { return c.graph.value(id).shape; }

const Node* made_by(const Context& c, ValueId id, Op op) { return made_by(c.graph, id, op); }

bool is_literal(const Context& c, ValueId id, double number) {
  const Node* node = made_by(c, id, Op::literal);
  if (!node || node->literal->size() == 0) return false;
  const Tensor& tensor = *node->literal;
  auto all = [number](auto elements, auto widen) {
    return std::all_of(elements.begin(), elements.end(),
                       [&](auto x) { return static_cast<double>(widen(x)) == number; });
  };
  auto same = [](auto x) { return x; };
  switch (tensor.dtype) {
    case DType::f64:
      return all(tensor.as<double>(), same);
    case DType::f32:
      return all(tensor.as<float>(), same);
    case DType::f16:
      return all(tensor.as<uint16_t>(), f16_to_f32);
    case DType::bf16:
      return all(tensor.as<uint16_t>(), bf16_to_f32);
    case DType::i64:
      return all(tensor.as<int64_t>(), same);
    case DType::i32:
      return all(tensor.as<int32_t>(), same);
    case DType::i8:
      return all(tensor.as<int8_t>(), same);
    default:
      return all(tensor.as<uint8_t>(), same);
  }
}

bool keeps_shape(const Context& c, ValueId operand, ValueId other) {
  return broadcast(shape(c, operand), shape(c, other)) == shape(c, operand);
}

// The left operand, if the right one is `number` and does not make the result larger.
Simpler left_of(const Context& c, const Node& n, double number) {
  if (is_literal(c, n.inputs[1], number) && keeps_shape(c, n.inputs[0], n.inputs[1]))
    return n.inputs[0];
  return {};
}

Simpler right_of(const Context& c, const Node& n, double number) {
  if (is_literal(c, n.inputs[0], number) && keeps_shape(c, n.inputs[1], n.inputs[0]))
    return n.inputs[1];
  return {};
}

Simpler either_of(const Context& c, const Node& n, double number) {
  if (auto left = left_of(c, n, number)) return left;
  return right_of(c, n, number);
}

Simpler add_zero(const Context& c, const Node& n) { return either_of(c, n, 0); }
Simpler sub_zero(const Context& c, const Node& n) { return left_of(c, n, 0); }
Simpler mul_one(const Context& c, const Node& n) { return either_of(c, n, 1); }
Simpler div_one(const Context& c, const Node& n) { return left_of(c, n, 1); }
Simpler pow_one(const Context& c, const Node& n) { return left_of(c, n, 1); }

Simpler pow_two(const Context& c, const Node& n) {
  if (!left_of(c, n, 2)) return {};
  return c.make(Op::mul, {n.inputs[0], n.inputs[0]}, {});
}

Simpler add_negated(const Context& c, const Node& n) {
  if (const Node* neg = made_by(c, n.inputs[1], Op::neg))
    return c.make(Op::sub, {n.inputs[0], neg->inputs[0]}, {});
  if (const Node* neg = made_by(c, n.inputs[0], Op::neg))
    return c.make(Op::sub, {n.inputs[1], neg->inputs[0]}, {});
  return {};
}

Simpler sub_negated(const Context& c, const Node& n) {
  const Node* neg = made_by(c, n.inputs[1], Op::neg);
  if (!neg) return {};
  return c.make(Op::add, {n.inputs[0], neg->inputs[0]}, {});
}

Simpler mul_sigmoid(const Context& c, const Node& n) {
  for (int i : {0, 1}) {
    const Node* gate = made_by(c, n.inputs[1 - i], Op::sigmoid);
    if (gate && gate->inputs[0] == n.inputs[i]) return c.make(Op::silu, {n.inputs[i]}, {});
  }
  return {};
}

Simpler undone(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], n.op);
  return inner ? Simpler(inner->inputs[0]) : Simpler();
}

Simpler where_known(const Context& c, const Node& n) {
  for (int chosen : {1, 2}) {
    ValueId kept = n.inputs[chosen];
    if (is_literal(c, n.inputs[0], chosen == 1) && keeps_shape(c, kept, n.inputs[0]) &&
        keeps_shape(c, kept, n.inputs[3 - chosen]))
      return kept;
  }
  return {};
}

DType target(const Node& n) { return dtype_attribute(n, "to"); }

Simpler cast_to_same(const Context& c, const Node& n) {
  return value(c, n.inputs[0]).dtype == target(n) ? Simpler(n.inputs[0]) : Simpler();
}

// Every number of `from` is one of `to`.
bool holds_all(DType to, DType from) {
  if (from == to) return true;
  switch (from) {
    case DType::boolean:
      return true;
    case DType::u8:
      return to != DType::i8 && to != DType::boolean;
    case DType::i8:
      return to != DType::u8 && to != DType::boolean;
    case DType::i32:
      return to == DType::i64 || to == DType::f64;
    case DType::f16:
    case DType::bf16:
      return to == DType::f32 || to == DType::f64;
    case DType::f32:
      return to == DType::f64;
    default:
      return false;
  }
}

// u8 and i8 fit bf16's 8 significant bits. Integers wrap to narrower ones where floats saturate:
// hence the last test.
Simpler cast_of_cast(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::cast);
  if (!inner) return {};
  DType from = value(c, inner->inputs[0]).dtype, between = target(*inner), to = target(n);
  bool same_class = is_float(from) == is_float(between) || is_float(to);
  if (!holds_all(between, from) || (!same_class && !holds_all(to, from))) return {};
  return c.make(Op::cast, {inner->inputs[0]}, {{"to", to}});
}

Simpler reshape_to_same(const Context& c, const Node& n) {
  auto to = resolved_shape(shape(c, n.inputs[0]), ints_attribute(n, "shape"));
  return to == shape(c, n.inputs[0]) ? Simpler(n.inputs[0]) : Simpler();
}

Simpler reshape_resolved(const Context& c, const Node& n) {
  const List& asked = ints_attribute(n, "shape");
  auto to = resolved_shape(shape(c, n.inputs[0]), asked);
  if (!to || *to == asked) return {};
  return c.make(Op::reshape, {n.inputs[0]}, {{"shape", *to}});
}

Simpler reshape_of_reshape(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::reshape);
  if (!inner) return {};
  return c.make(Op::reshape, {inner->inputs[0]}, n.attributes);
}

Simpler transpose_to_same(const Context&, const Node& n) {
  const List& perm = ints_attribute(n, "perm");
  return std::is_sorted(perm.begin(), perm.end()) ? Simpler(n.inputs[0]) : Simpler();
}

Simpler transpose_of_transpose(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::transpose);
  if (!inner) return {};
  List perm;
  for (int64_t d : ints_attribute(n, "perm")) perm.push_back(ints_attribute(*inner, "perm")[d]);
  return c.make(Op::transpose, {inner->inputs[0]}, {{"perm", perm}});
}

Simpler transpose_of_ones(const Context& c, const Node& n) {
  List moving;
  Shape to;
  for (int64_t d : ints_attribute(n, "perm")) {
    to.push_back(shape(c, n.inputs[0])[d]);
    if (to.back() != 1) moving.push_back(d);
  }
  if (!std::is_sorted(moving.begin(), moving.end())) return {};
  return c.make(Op::reshape, {n.inputs[0]}, {{"shape", to}});
}

Simpler broadcast_to_same(const Context& c, const Node& n) {
  return shape(c, n.inputs[0]) == ints_attribute(n, "shape") ? Simpler(n.inputs[0]) : Simpler();
}

Simpler broadcast_of_broadcast(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::broadcast_to);
  if (!inner) return {};
  return c.make(Op::broadcast_to, {inner->inputs[0]}, n.attributes);
}

// The operand before its broadcast, where the other operand alone gives the result's shape.
Simpler binary_of_broadcast(const Context& c, const Node& n) {
  for (int i : {0, 1}) {
    const Node* inner = made_by(c, n.inputs[i], Op::broadcast_to);
    if (!inner || !keeps_shape(c, n.inputs[1 - i], n.inputs[i])) continue;
    auto inputs = n.inputs;
    inputs[i] = inner->inputs[0];
    return c.make(n.op, inputs, n.attributes);
  }
  return {};
}

bool is_whole(const std::vector<SliceRange>& ranges, const Shape& of) {
  for (size_t d = 0; d < of.size(); ++d)
    if (ranges[d] != SliceRange{0, 1, of[d]}) return false;
  return true;
}

Simpler slice_of_all(const Context& c, const Node& n) {
  const Shape& of = shape(c, n.inputs[0]);
  return is_whole(slice_ranges(of, n.attributes), of) ? Simpler(n.inputs[0]) : Simpler();
}

// A slice, given by its ranges, of `x`.
ValueId make_slice(const Context& c, ValueId x, const std::vector<SliceRange>& ranges) {
  List axes, starts, ends, steps;
  for (size_t d = 0; d < ranges.size(); ++d) {
    if (ranges[d] == SliceRange{0, 1, shape(c, x)[d]}) continue;
    axes.push_back(static_cast<int64_t>(d));
    starts.push_back(ranges[d].start);
    ends.push_back(ranges[d].start + ranges[d].count);
  }
  return c.make(Op::slice, {x}, {{"axes", axes}, {"starts", starts}, {"ends", ends}});
}

bool is_dense(const std::vector<SliceRange>& ranges) {
  return std::all_of(ranges.begin(), ranges.end(),
                     [](const SliceRange& r) { return r.step == 1 && r.count > 0; });
}

Simpler slice_of_slice(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::slice);
  if (!inner) return {};
  auto outer_ranges = slice_ranges(shape(c, n.inputs[0]), n.attributes);
  auto ranges = slice_ranges(shape(c, inner->inputs[0]), inner->attributes);
  if (!is_dense(outer_ranges) || !is_dense(ranges)) return {};
  for (size_t d = 0; d < ranges.size(); ++d)
    ranges[d] = {ranges[d].start + outer_ranges[d].start, 1, outer_ranges[d].count};
  return make_slice(c, inner->inputs[0], ranges);
}

Simpler slice_of_concat(const Context& c, const Node& n) {
  const Node* concat = made_by(c, n.inputs[0], Op::concat);
  if (!concat) return {};
  auto ranges = slice_ranges(shape(c, n.inputs[0]), n.attributes);
  if (!is_dense(ranges)) return {};
  int64_t axis = positive_axis(int_attribute(*concat, "axis"), ranges.size());
  SliceRange& along = ranges[axis];
  for (ValueId piece : concat->inputs) {
    int64_t extent = shape(c, piece)[axis];
    if (along.start < extent) {
      if (along.start + along.count > extent) return {};
      return make_slice(c, piece, ranges);
    }
    along.start -= extent;
  }
  return {};
}

Simpler concat_of_one(const Context&, const Node& n) {
  return n.inputs.size() == 1 ? Simpler(n.inputs[0]) : Simpler();
}

// Slices of one tensor that follow each other and cover all of it.
Simpler concat_of_slices(const Context& c, const Node& n) {
  const Node* first = made_by(c, n.inputs[0], Op::slice);
  if (!first) return {};
  ValueId whole = first->inputs[0];
  int64_t axis = positive_axis(int_attribute(n, "axis"), shape(c, whole).size()), end = 0;
  for (ValueId piece : n.inputs) {
    const Node* slice = made_by(c, piece, Op::slice);
    if (!slice || slice->inputs[0] != whole) return {};
    auto ranges = slice_ranges(shape(c, whole), slice->attributes);
    if (!is_dense(ranges) || ranges[axis].start != end) return {};
    end += ranges[axis].count;
    ranges[axis] = {0, 1, shape(c, whole)[axis]};
    if (!is_whole(ranges, shape(c, whole))) return {};
  }
  return end == shape(c, whole)[axis] ? Simpler(whole) : Simpler();
}

Simpler pad_by_nothing(const Context&, const Node& n) {
  const List& pads = ints_attribute(n, "pads");
  bool none = std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; });
  return none ? Simpler(n.inputs[0]) : Simpler();
}

Simpler pad_of_pad(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::pad);
  if (!inner || double_attribute(*inner, "value") != double_attribute(n, "value")) return {};
  List pads = ints_attribute(n, "pads");
  for (size_t i = 0; i < pads.size(); ++i) pads[i] += ints_attribute(*inner, "pads")[i];
  return c.make(Op::pad, {inner->inputs[0]},
                {{"pads", pads}, {"value", double_attribute(n, "value")}});
}

Simpler upsample_to_same(const Context& c, const Node& n) {
  const List& size = ints_attribute(n, "size");
  const Shape& from = shape(c, n.inputs[0]);
  return std::equal(size.rbegin(), size.rend(), from.rbegin()) ? Simpler(n.inputs[0]) : Simpler();
}

Simpler reciprocal_of_sqrt(const Context& c, const Node& n) {
  const Node* inner = made_by(c, n.inputs[0], Op::sqrt);
  if (!inner) return {};
  return c.make(Op::rsqrt, {inner->inputs[0]}, {});
}

Simpler div_of_one(const Context& c, const Node& n) {
  if (!is_float(value(c, n.inputs[1]).dtype) || !right_of(c, n, 1)) return {};
  return c.make(Op::reciprocal, {n.inputs[1]}, {});
}

}  // namespace

std::span<const SimplifyRule> simplify_rules() {
  static const SimplifyRule rules[] = {
      {"x + 0 -> x", Op::add, add_zero},
      {"x + -y -> x - y", Op::add, add_negated},
      {"x + broadcast(y) -> x + y", Op::add, binary_of_broadcast},
      {"x - 0 -> x", Op::sub, sub_zero},
      {"x - -y -> x + y", Op::sub, sub_negated},
      {"x - broadcast(y) -> x - y", Op::sub, binary_of_broadcast},
      {"x * 1 -> x", Op::mul, mul_one},
      {"x * sigmoid(x) -> silu(x)", Op::mul, mul_sigmoid},
      {"x * broadcast(y) -> x * y", Op::mul, binary_of_broadcast},
      {"x / 1 -> x", Op::div, div_one},
      {"1 / x -> reciprocal(x)", Op::div, div_of_one},
      {"x / broadcast(y) -> x / y", Op::div, binary_of_broadcast},
      {"x ** 1 -> x", Op::pow, pow_one},
      {"x ** 2 -> x * x", Op::pow, pow_two},
      {"--x -> x", Op::neg, undone},
      {"reciprocal(sqrt(x)) -> rsqrt(x)", Op::reciprocal, reciprocal_of_sqrt},
      {"not not x -> x", Op::logical_not, undone},
      {"where(true, x, y) -> x", Op::where, where_known},
      {"cast(x) to its own dtype -> x", Op::cast, cast_to_same},
      {"cast(cast(x)) -> cast(x) if the inner one keeps all numbers", Op::cast, cast_of_cast},
      {"reshape(x) to its own shape -> x", Op::reshape, reshape_to_same},
      {"reshape(x, [.., -1, ..]) -> the extent", Op::reshape, reshape_resolved},
      {"reshape(reshape(x)) -> reshape(x)", Op::reshape, reshape_of_reshape},
      {"transpose(x) in order -> x", Op::transpose, transpose_to_same},
      {"transpose(transpose(x)) -> transpose(x)", Op::transpose, transpose_of_transpose},
      {"transpose(x) that moves extents of 1 -> reshape(x)", Op::transpose, transpose_of_ones},
      {"broadcast(x) to its own shape -> x", Op::broadcast_to, broadcast_to_same},
      {"broadcast(broadcast(x)) -> broadcast(x)", Op::broadcast_to, broadcast_of_broadcast},
      {"slice(x) of all -> x", Op::slice, slice_of_all},
      {"slice(slice(x)) -> slice(x)", Op::slice, slice_of_slice},
      {"slice(concat(..)) within one piece -> slice(piece)", Op::slice, slice_of_concat},
      {"concat(x) -> x", Op::concat, concat_of_one},
      {"concat of all slices of x -> x", Op::concat, concat_of_slices},
      {"pad(x) by nothing -> x", Op::pad, pad_by_nothing},
      {"pad(pad(x)) -> pad(x)", Op::pad, pad_of_pad},
      {"upsample(x) to its own size -> x", Op::upsample_nearest, upsample_to_same},
  };
  return rules;
}

}  // namespace tempera::graph
