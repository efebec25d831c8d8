#include "graph/evaluation/array.h"

// Every movement is a table of source offsets for each dimension of its result.
namespace tempera::graph::evaluation {

namespace {

// The tables that copy `shape` as it is.
OffsetTables identity_tables(const Shape& shape) {
  auto strides = row_major_strides(shape);
  OffsetTables tables;
  for (size_t d = 0; d < shape.size(); ++d) tables.push_back(progression(shape[d], strides[d]));
  return tables;
}

OffsetTables transpose_tables(const Call& call) {
  auto tables = identity_tables(call.input(0).shape);
  OffsetTables result;
  for (int64_t d : call.integers("perm")) result.push_back(tables[d]);
  return result;
}

OffsetTables slice_tables(const Call& call) {
  const Shape& shape = call.input(0).shape;
  auto strides = row_major_strides(shape);
  auto ranges = slice_ranges(shape, call.node.attributes);
  OffsetTables tables;
  for (size_t d = 0; d < shape.size(); ++d)
    tables.push_back(
        progression(ranges[d].count, ranges[d].step * strides[d], ranges[d].start * strides[d]));
  return tables;
}

OffsetTables pad_tables(const Call& call) {
  auto tables = identity_tables(call.input(0).shape);
  const auto& pads = call.integers("pads");
  for (size_t d = 0; d < tables.size(); ++d) {
    tables[d].insert(tables[d].begin(), pads[d], -1);
    tables[d].insert(tables[d].end(), pads[tables.size() + d], -1);
  }
  return tables;
}

OffsetTables upsample_tables(const Call& call) {
  const Shape& from = call.input(0).shape;
  auto strides = row_major_strides(from);
  OffsetTables tables(from.size());
  for (size_t d = 0; d < from.size(); ++d)
    for (int64_t i = 0; i < call.shape()[d]; ++i)
      tables[d].push_back(i * from[d] / call.shape()[d] * strides[d]);
  return tables;
}

OffsetTables gather_tables(const Call& call) {
  const Shape& from = call.input(0).shape;
  int64_t axis = positive_axis(call.integer("axis"), from.size());
  auto tables = identity_tables(from);
  int64_t stride = row_major_strides(from)[axis];
  std::vector<int64_t> rows;
  for (int64_t index : call.input(1).integers()) {
    if (index < 0) index += from[axis];
    CHECK(index >= 0 && index < from[axis], "gather: index {} of {} rows", index, from[axis]);
    rows.push_back(index * stride);
  }
  tables[axis] = std::move(rows);
  return tables;
}

Arrays split(const Call& call) {
  const Shape& from = call.input(0).shape;
  int64_t axis = positive_axis(call.integer("axis"), from.size());
  int64_t stride = row_major_strides(from)[axis];
  Arrays pieces;
  int64_t start = 0;
  for (const Value& piece : call.outputs) {
    auto tables = identity_tables(from);
    tables[axis] = progression(piece.shape[axis], stride, start * stride);
    pieces.push_back(gathered(call.input(0), offsets(tables), piece.shape));
    start += piece.shape[axis];
  }
  return pieces;
}

template <typename T>
Array concat(const Call& call) {
  const Shape& shape = call.shape();
  int64_t axis = positive_axis(call.integer("axis"), shape.size());
  int64_t outer = element_count({shape.begin(), shape.begin() + axis});
  std::vector<T> result;
  result.reserve(element_count(shape));
  for (int64_t i = 0; i < outer; ++i)
    for (const Array* input : call.inputs) {
      const auto& elements = std::get<std::vector<T>>(input->elements);
      auto size = static_cast<ptrdiff_t>(elements.size()) / outer;
      result.insert(result.end(), elements.begin() + i * size, elements.begin() + (i + 1) * size);
    }
  return {shape, std::move(result)};
}

Array moved(const Call& call, const OffsetTables& tables, double fill = 0) {
  return gathered(call.input(0), offsets(tables), call.shape(), fill);
}

}  // namespace

Arrays evaluate_movement(const Call& call) {
  switch (call.node.op) {
    case Op::reshape:
      return {{call.shape(), call.input(0).elements}};
    case Op::broadcast_to:
      return {expanded(call.input(0), call.shape())};
    case Op::transpose:
      return {moved(call, transpose_tables(call))};
    case Op::slice:
      return {moved(call, slice_tables(call))};
    case Op::pad:
      return {moved(call, pad_tables(call), call.real("value"))};
    case Op::upsample_nearest:
      return {moved(call, upsample_tables(call))};
    case Op::gather:
      return {moved(call, gather_tables(call))};
    case Op::split:
      return split(call);
    case Op::concat:
      return {call.input(0).is_float() ? concat<double>(call) : concat<int64_t>(call)};
    default:
      CHECK(false, "{} is no movement", name(call.node.op));
  }
}

}  // namespace tempera::graph::evaluation
