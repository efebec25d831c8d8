#include "graph/passes/sink_repeat.h"

#include <algorithm>
#include <optional>

#include "graph/geometry.h"
#include "graph/passes/rewrite.h"

namespace tempera::graph {

namespace {

using List = std::vector<int64_t>;

// Where a dimension of some operands that repeats in the same way comes out of a node: which axis
// of each input it is (kNone: none), which of each output, and the node's attributes once it is
// shorter.
constexpr int kNone = -1;
struct Rows {
  std::vector<int> of_input;
  int of_output;
  Attributes attributes;
};

// One node, asked what becomes of axis `axis` of input `input`, which repeats `count` times.
// Answers nothing where the op mixes elements along it.
struct Query {
  const Graph& graph;
  const Node& node;
  size_t input;
  int axis;
  int64_t count;

  const Shape& shape(size_t i) const { return graph.value(node.inputs[i]).shape; }
  int rank(size_t i) const { return static_cast<int>(shape(i).size()); }
  const Shape& out() const { return graph.value(node.outputs[0]).shape; }
  int out_rank() const { return static_cast<int>(out().size()); }
  bool is_given(size_t i) const { return i < node.inputs.size() && node.inputs[i] != kAbsent; }

  // Only this input has the axis.
  Rows alone(int of_output) const {
    Rows rows{std::vector<int>(node.inputs.size(), kNone), of_output, node.attributes};
    rows.of_input[input] = axis;
    return rows;
  }
  // The axis of input i that numpy's broadcasting aligns with `of_output` of a result of
  // `result_rank` dimensions of extent `extent`; none where the input broadcasts along it.
  int aligned(size_t i, int of_output, int result_rank, int64_t extent) const {
    int at = of_output - (result_rank - rank(i));
    return at >= 0 && shape(i)[at] == extent ? at : kNone;
  }
};
using Answer = std::optional<Rows>;

Answer through_elementwise(const Query& q) {
  int of_output = q.out_rank() - q.rank(q.input) + q.axis;
  Rows rows = q.alone(of_output);
  for (size_t i = 0; i < q.node.inputs.size(); ++i)
    rows.of_input[i] = q.aligned(i, of_output, q.out_rank(), q.out()[of_output]);
  return rows;
}

// The axis of `to` that starts with as many elements before it and can be divided.
Answer through_reshape(const Query& q) {
  const Shape& from = q.shape(0);
  if (element_count(from) == 0) return {};
  int64_t before = element_count(Shape(from.begin(), from.begin() + q.axis)), prefix = 1;
  for (int d = 0; d < q.out_rank() && prefix <= before; prefix *= q.out()[d++]) {
    if (prefix != before || q.out()[d] % q.count != 0) continue;
    Rows rows = q.alone(d);
    List shape = q.out();
    shape[d] /= q.count;
    rows.attributes.set("shape", shape);
    return rows;
  }
  return {};
}

Answer through_transpose(const Query& q) {
  const List& perm = ints_attribute(q.node, "perm");
  if (perm.empty()) return q.alone(q.out_rank() - 1 - q.axis);
  return q.alone(static_cast<int>(std::find(perm.begin(), perm.end(), q.axis) - perm.begin()));
}

Answer through_broadcast(const Query& q) {
  int of_output = q.out_rank() - q.rank(0) + q.axis;
  Rows rows = q.alone(of_output);
  List shape = q.out();
  shape[of_output] /= q.count;
  rows.attributes.set("shape", shape);
  return rows;
}

Answer through_slice(const Query& q) {
  SliceRange range = slice_ranges(q.shape(0), q.node.attributes)[q.axis];
  if (range != SliceRange{0, 1, q.shape(0)[q.axis]}) return {};
  return q.alone(q.axis);
}

Answer through_pad(const Query& q) {
  const List& pads = ints_attribute(q.node, "pads");
  if (pads[q.axis] != 0 || pads[q.axis + q.rank(0)] != 0) return {};
  return q.alone(q.axis);
}

// Ops that treat all elements along every axis but `axis` alike: concat, split, softmax, argmax.
Answer beside_axis(const Query& q) {
  if (positive_axis(int_attribute(q.node, "axis"), q.rank(0)) == q.axis) return {};
  Rows rows = q.alone(q.axis);
  std::fill(rows.of_input.begin(), rows.of_input.end(), q.axis);
  return rows;
}

Answer through_gather(const Query& q) {
  int axis = static_cast<int>(positive_axis(int_attribute(q.node, "axis"), q.rank(0)));
  if (q.input == 1) return q.alone(axis + q.axis);
  if (q.axis == axis) return {};
  return q.alone(q.axis < axis ? q.axis : q.axis + q.rank(1) - 1);
}

Answer through_movement(const Query& q) {
  switch (q.node.op) {
    case Op::reshape:
      return through_reshape(q);
    case Op::transpose:
      return through_transpose(q);
    case Op::broadcast_to:
      return through_broadcast(q);
    case Op::slice:
      return through_slice(q);
    case Op::pad:
      return through_pad(q);
    case Op::concat:
    case Op::split:
      return beside_axis(q);
    case Op::upsample_nearest: {
      auto resized = static_cast<int>(ints_attribute(q.node, "size").size());
      return q.axis < q.rank(0) - resized ? Answer(q.alone(q.axis)) : Answer();
    }
    case Op::gather:
      return through_gather(q);
    default:
      return {};
  }
}

Answer through_matmul(const Query& q) {
  if (q.rank(0) < 2 || q.rank(1) < 2) return {};
  int of_output = q.out_rank() - q.rank(q.input) + q.axis;
  bool is_summed = q.axis == q.rank(q.input) - (q.input == 0 ? 1 : 2);
  if (is_summed) return {};
  Rows rows = q.alone(of_output);
  size_t other = 1 - q.input;
  if (of_output < q.out_rank() - 2)
    rows.of_input[other] = q.aligned(other, of_output, q.out_rank(), q.out()[of_output]);
  return rows;
}

// Ops over images [n, c, spatial...] in input 0.
Answer through_batch(const Query& q) {
  return q.input == 0 && q.axis == 0 ? Answer(q.alone(0)) : Answer();
}

Answer through_contraction(const Query& q) {
  return q.node.op == Op::matmul ? through_matmul(q) : through_batch(q);
}

Answer beside_axes(const Query& q, const List& axes, bool keeps) {
  if (std::binary_search(axes.begin(), axes.end(), q.axis)) return {};
  auto gone = std::lower_bound(axes.begin(), axes.end(), q.axis) - axes.begin();
  return q.alone(keeps ? q.axis : q.axis - static_cast<int>(gone));
}

// Leading dimensions, which rows and their ids share.
Answer through_segments(const Query& q) {
  if (q.axis >= q.rank(0) - 2) return {};
  Rows rows = q.alone(q.axis);
  std::fill(rows.of_input.begin(), rows.of_input.end(), q.axis);
  return rows;
}

Answer through_reduction(const Query& q) {
  const auto keeps = [&] { return int_attribute(q.node, "keepdims") != 0; };
  const auto axes = [&] { return positive_axes(ints_attribute(q.node, "axes"), q.rank(0)); };
  switch (q.node.op) {
    case Op::reduce_sum:
    case Op::reduce_mean:
    case Op::reduce_max:
    case Op::reduce_min:
      return beside_axes(q, axes(), keeps());
    case Op::moments:
      return beside_axes(q, axes(), true);
    case Op::argmax:
      return beside_axes(q, {positive_axis(int_attribute(q.node, "axis"), q.rank(0))}, keeps());
    case Op::rank:
      return beside_axis(q);
    case Op::segment_mean:
      return through_segments(q);
    default:
      return {};
  }
}

Answer through_normalization(const Query& q) {
  switch (q.node.op) {
    case Op::group_norm:
    case Op::channel_moments:
      return through_batch(q);
    case Op::layer_norm:
      return q.input == 0 && q.axis + 1 < q.rank(0) ? Answer(q.alone(q.axis)) : Answer();
    case Op::softmax:
      return beside_axis(q);
    default:
      return {};
  }
}

// The batch of q, k, v, and of a mask that differs by it.
Answer through_attention(const Query& q) {
  if (q.input < 3 && q.axis != 0) return {};
  Rows rows = q.alone(0);
  for (size_t i = 0; i < 3; ++i) rows.of_input[i] = 0;
  constexpr int kScoreRank = 4;
  if (q.is_given(3)) rows.of_input[3] = q.aligned(3, 0, kScoreRank, q.out()[0]);
  return q.input < 3 || rows.of_input[3] == q.axis ? Answer(rows) : Answer();
}

Answer through(const Query& q) {
  switch (row(q.node.op).op_class) {
    case OpClass::source:
      return {};
    case OpClass::elementwise:
      return through_elementwise(q);
    case OpClass::movement:
      return through_movement(q);
    case OpClass::contraction:
      return through_contraction(q);
    case OpClass::reduction:
      return through_reduction(q);
    case OpClass::normalization:
      return through_normalization(q);
    case OpClass::attention:
      return through_attention(q);
  }
  CHECK(false, "an op of no class");
}

// A value of the old graph whose element i along `axis` is element i % (extent / count) of `base`,
// a value of the new graph that is `count` times shorter.
struct Repeat {
  ValueId base;
  int axis;
  int64_t count;
};

class Sinker {
 public:
  explicit Sinker(const Graph& graph)
      : rewriter_(graph), repeats_(graph.values().size()), is_written_(graph.values().size()) {}

  Graph run() {
    for (const Node& node : rewriter_.from.nodes()) {
      if (sink(node)) continue;
      for (ValueId input : node.inputs) write(input);
      if (!begin(node)) rewriter_.copy(node);
    }
    for (const NamedValue& output : rewriter_.from.outputs()) write(output.value);
    return rewriter_.finish();
  }

 private:
  const Shape& shape(ValueId old) const { return rewriter_.from.value(old).shape; }

  ValueId add(const Node& node, Op op, ValueId input, const Attributes& attributes) {
    return rewriter_.to.add(op, {input}, attributes, node.origin)[0];
  }

  // Makes a value that repeats a whole one in the new graph, as views of its base.
  void write(ValueId old) {
    if (old == kAbsent || !repeats_[old] || is_written_[old]) return;
    const Repeat& repeat = *repeats_[old];
    is_written_[old] = true;
    const Node& node = rewriter_.from.node(rewriter_.from.value(old).producer);
    Shape split = rewriter_.to.value(repeat.base).shape;
    auto at = split.begin() + repeat.axis;
    ValueId value = repeat.base;
    if (*at == 1) {
      *at = repeat.count;
      value = add(node, Op::broadcast_to, value, {{"shape", split}});
    } else {
      at = split.insert(at, 1);
      value = add(node, Op::reshape, value, {{"shape", split}});
      *at = repeat.count;
      value = add(node, Op::broadcast_to, value, {{"shape", split}});
      value = add(node, Op::reshape, value, {{"shape", shape(old)}});
    }
    rewriter_.to.set_layout(value, rewriter_.from.value(old).layout);
    rewriter_.replace(old, value);
  }

  bool sink(const Node& node) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kAbsent || !repeats_[node.inputs[i]]) continue;
      const Repeat& repeat = *repeats_[node.inputs[i]];
      auto rows = through({rewriter_.from, node, i, repeat.axis, repeat.count});
      if (!rows || !all_repeat(node, *rows, repeat.count)) continue;
      compute_once(node, *rows, repeat.count);
      return true;
    }
    return false;
  }

  bool all_repeat(const Node& node, const Rows& rows, int64_t count) const {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (rows.of_input[i] == kNone || node.inputs[i] == kAbsent) continue;
      const auto& repeat = repeats_[node.inputs[i]];
      if (!repeat || repeat->axis != rows.of_input[i] || repeat->count != count) return false;
    }
    return true;
  }

  void compute_once(const Node& node, const Rows& rows, int64_t count) {
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      ValueId old = node.inputs[i];
      bool by_row = old != kAbsent && rows.of_input[i] != kNone;
      if (!by_row) write(old);
      inputs.push_back(by_row ? repeats_[old]->base : rewriter_.now(old));
    }
    auto outputs = rewriter_.to.add(node.op, std::move(inputs), rows.attributes, node.origin);
    for (size_t i = 0; i < outputs.size(); ++i)
      repeats_[node.outputs[i]] = Repeat{outputs[i], rows.of_output, count};
  }

  // A broadcast_to starts a repetition along the first dimension that it expands.
  bool begin(const Node& node) {
    if (node.op != Op::broadcast_to) return false;
    const Shape &from = shape(node.inputs[0]), &to = shape(node.outputs[0]);
    size_t added = to.size() - from.size();
    for (size_t d = 0; d < to.size(); ++d) {
      if (to[d] <= 1 || (d >= added && from[d - added] == to[d])) continue;
      Shape base = to;
      base[d] = 1;
      repeats_[node.outputs[0]] =
          Repeat{add(node, Op::broadcast_to, rewriter_.now(node.inputs[0]), {{"shape", base}}),
                 static_cast<int>(d), to[d]};
      return true;
    }
    return false;
  }

  Rewriter rewriter_;
  std::vector<std::optional<Repeat>> repeats_;  // by old value
  std::vector<bool> is_written_;                // by old value that repeats: stands whole too
};

}  // namespace

Graph sink_repeat(const Graph& graph) { return Sinker(graph).run(); }

}  // namespace tempera::graph
