#include "graph/passes/choose_layout.h"

#include <algorithm>
#include <numeric>

#include "graph/attribute.h"
#include "graph/passes/rewrite.h"

namespace tempera::graph {

namespace {

std::vector<int> order_of(const Value& value) {
  std::vector<int> order = value.layout.order;
  if (order.empty()) {
    order.resize(value.shape.size());
    std::iota(order.begin(), order.end(), 0);
  }
  return order;
}

Layout normal(std::vector<int> order) {
  return std::is_sorted(order.begin(), order.end()) ? Layout{} : Layout{std::move(order)};
}

Layout transposed(const Value& input, const std::vector<int64_t>& perm) {
  std::vector<int> result;
  for (int d : order_of(input))
    result.push_back(static_cast<int>(std::find(perm.begin(), perm.end(), d) - perm.begin()));
  return normal(std::move(result));
}

// Dimensions first..last (excluded) of both sides hold the same elements.
struct Factor {
  int from_first, from_last, to_first, to_last;
};

// The finest such pieces of a reshape, in row-major order; extents of 1 join the piece before them.
std::vector<Factor> factors(const Shape& from, const Shape& to) {
  std::vector<Factor> result;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    Factor f{static_cast<int>(i), 0, static_cast<int>(j), 0};
    int64_t a = i < from.size() ? from[i++] : 1, b = j < to.size() ? to[j++] : 1;
    while (a != b) {
      if (a < b)
        a *= from[i++];
      else
        b *= to[j++];
    }
    while (i < from.size() && from[i] == 1) ++i;
    while (j < to.size() && to[j] == 1) ++j;
    f.from_last = static_cast<int>(i);
    f.to_last = static_cast<int>(j);
    result.push_back(f);
  }
  return result;
}

// Each factor's dimensions must lie next to each other in ascending order; then factors keep their
// order in memory.
std::optional<Layout> reshaped(const Value& input, const Shape& to) {
  if (input.layout.order.empty()) return Layout{};
  if (element_count(to) == 0) return std::nullopt;
  auto pieces = factors(input.shape, to);
  std::vector<int> memory, result;  // memory: the input's dimensions without those of extent 1
  for (int d : order_of(input))
    if (input.shape[d] != 1) memory.push_back(d);
  std::vector<bool> placed(pieces.size());
  auto place = [&](size_t p) {
    placed[p] = true;
    for (int d = pieces[p].to_first; d < pieces[p].to_last; ++d) result.push_back(d);
  };
  for (size_t at = 0; at < memory.size();) {
    size_t p = 0;
    while (memory[at] < pieces[p].from_first || memory[at] >= pieces[p].from_last) ++p;
    if (placed[p]) return std::nullopt;
    for (int d = pieces[p].from_first; d < pieces[p].from_last; ++d) {
      if (input.shape[d] == 1) continue;
      if (at >= memory.size() || memory[at] != d) return std::nullopt;
      ++at;
    }
    place(p);
  }
  auto with_extent = static_cast<ptrdiff_t>(result.size());
  for (size_t p = 0; p < pieces.size(); ++p)
    if (!placed[p]) place(p);
  std::rotate(result.begin(), result.begin() + with_extent,
              result.end());  // extents of 1 outermost
  return normal(std::move(result));
}

// The layout of the first operand of this rank (and shape, if exact) that is not row-major.
Layout followed(const Graph& graph, const Node& node, bool exact) {
  const Shape& shape = graph.value(node.outputs[0]).shape;
  for (ValueId id : node.inputs) {
    if (id == kAbsent) continue;
    const Value& operand = graph.value(id);
    bool fits = exact ? operand.shape == shape : operand.shape.size() == shape.size();
    if (fits && !operand.layout.order.empty()) return operand.layout;
  }
  return {};
}

Layout channels_last(size_t rank) {
  std::vector<int> order{0};
  for (size_t d = 2; d < rank; ++d) order.push_back(static_cast<int>(d));
  order.push_back(1);
  return {order};
}

Layout chosen(const Graph& graph, const Node& node) {
  const Value& output = graph.value(node.outputs[0]);
  switch (node.op) {
    case Op::conv:
    case Op::conv_transpose:
      return output.shape.size() >= 4 ? channels_last(output.shape.size()) : Layout{};
    case Op::concat:
    case Op::pad:
    case Op::slice:
    case Op::split:
    case Op::upsample_nearest:
    case Op::broadcast_to:
      return followed(graph, node, false);
    case Op::group_norm:
    case Op::layer_norm:
    case Op::softmax:
      return followed(graph, node, true);
    case Op::reshape:
    case Op::transpose:
      return same_memory_layout(graph, node).value_or(Layout{});
    default:
      return row(node.op).op_class == OpClass::elementwise ? followed(graph, node, true) : Layout{};
  }
}

// A node whose value is only the graph's output writes it row-major itself.
std::vector<bool> only_outputs(const Graph& graph) {
  auto readers = users(graph);
  std::vector<bool> result(graph.values().size());
  for (const NamedValue& output : graph.outputs())
    result[output.value] = readers[output.value].empty();
  return result;
}

void make_outputs_row_major(Rewriter& rewriter) {
  for (const NamedValue& output : rewriter.from.outputs()) {
    const Value value = rewriter.to.value(rewriter.now(output.value));
    if (value.layout.order.empty()) continue;
    const Node& producer = rewriter.to.node(value.producer);
    ValueId copy = rewriter.to.add(Op::reshape, {rewriter.now(output.value)},
                                   {{"shape", value.shape}}, producer.origin)[0];
    rewriter.replace(output.value, copy);
  }
}

}  // namespace

std::optional<Layout> same_memory_layout(const Graph& graph, const Node& view) {
  const Value& input = graph.value(view.inputs.at(0));
  if (view.op == Op::transpose) return transposed(input, ints_attribute(view, "perm"));
  CHECK(view.op == Op::reshape, "{} is neither reshape nor transpose", name(view.op));
  return reshaped(input, graph.value(view.outputs[0]).shape);
}

Graph choose_layout(const Graph& graph) {
  auto row_major = only_outputs(graph);
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes()) {
    rewriter.copy(node);
    for (ValueId old : node.outputs) {
      ValueId id = rewriter.now(old);
      const Node& copied = rewriter.to.node(rewriter.to.value(id).producer);
      bool fixed = node.op == Op::literal || row_major[old];
      rewriter.to.set_layout(id, fixed ? Layout{} : chosen(rewriter.to, copied));
    }
  }
  make_outputs_row_major(rewriter);
  return rewriter.finish();
}

}  // namespace tempera::graph
