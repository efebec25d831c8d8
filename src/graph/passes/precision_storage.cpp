#include <algorithm>

#include "graph/passes/grouping.h"
#include "graph/passes/precision.h"
#include "graph/passes/rewrite.h"
#include "graph/passes/simplify.h"

namespace tempera::graph {

namespace {

// Whether only the order of the operand's elements counts: rounding would make different ones
// equal.
bool compares(Op op) { return op == Op::argmax || op == Op::rank; }

// For each value, whether it is a large f32 that one group stores and another reads, none of them
// for the order of its elements.
std::vector<bool> stored_wide(const Graph& graph, const Grouping& grouping) {
  std::vector<bool> result(graph.values().size());
  auto owner = [&](NodeId n) { return n < 0 ? -1 : grouping.owner[n]; };
  for (NodeId n = 0; n < std::ssize(graph.nodes()); ++n)
    for (ValueId id : graph.node(n).inputs) {
      if (id == kAbsent) continue;
      const Value& value = graph.value(id);
      int from = owner(value.producer);
      result[id] = result[id] || (from >= 0 && from != owner(n) && value.dtype == DType::f32 &&
                                  value.rate > Rate::load && is_large(value));
    }
  for (const Node& node : graph.nodes())
    if (compares(node.op)) result[node.inputs[0]] = false;
  return result;
}

class StorageNarrower {
 public:
  StorageNarrower(const Graph& graph, const Precision& precision, const FuseRules& rules)
      : dtype_(precision.storage),
        grouping_(find_groups(graph, rules)),
        wide_(stored_wide(graph, grouping_)),
        rewriter_(graph),
        rounded_(graph.values().size(), kAbsent) {}

  bool has_work() const { return std::find(wide_.begin(), wide_.end(), true) != wide_.end(); }

  Graph run() {
    for (NodeId n = 0; n < std::ssize(rewriter_.from.nodes()); ++n) visit(n);
    return rewriter_.finish();
  }

 private:
  void visit(NodeId n) {
    const Node& node = rewriter_.from.node(n);
    if (node.literal)
      rewriter_.copy(node);
    else
      add(n, node);
    for (ValueId id : node.outputs)
      if (wide_[id]) rounded_[id] = widened(rounded(id, node), node);
  }

  // A movement's elements are rounded before they move, so that it is no f32 movement in memory.
  ValueId rounded(ValueId id, const Node& node) {
    ValueId now = rewriter_.now(id);
    const Node made = rewriter_.to.node(rewriter_.to.value(now).producer);
    if (row(made.op).op_class != OpClass::movement || made.outputs.size() > 1)
      return cast(now, dtype_, node);
    std::vector<ValueId> inputs = made.inputs;
    for (size_t i = 0; i < (made.op == Op::gather ? 1 : inputs.size()); ++i)
      inputs[i] = cast(inputs[i], dtype_, node);
    return rewriter_.to.add(made.op, std::move(inputs), made.attributes, made.origin)[0];
  }

  void add(NodeId n, const Node& node) {
    std::vector<ValueId> inputs;
    for (ValueId id : node.inputs) inputs.push_back(operand(n, id));
    std::vector<ValueId> outputs =
        moves_narrow(node, inputs) ? moved(node, inputs) : add_as_is(node, std::move(inputs));
    for (size_t i = 0; i < outputs.size(); ++i) rewriter_.replace(node.outputs[i], outputs[i]);
  }

  // The group that computes a value goes on with it unrounded.
  ValueId operand(NodeId reader, ValueId id) const {
    if (id == kAbsent || rounded_[id] == kAbsent) return rewriter_.now(id);
    NodeId producer = rewriter_.from.value(id).producer;
    return grouping_.owner[producer] == grouping_.owner[reader] ? rewriter_.now(id) : rounded_[id];
  }

  std::vector<ValueId> add_as_is(const Node& node, std::vector<ValueId> inputs) {
    return rewriter_.to.add(node.op, std::move(inputs), node.attributes, node.origin);
  }

  ValueId widened(ValueId x, const Node& of) { return cast(x, DType::f32, of); }
  ValueId cast(ValueId x, DType to, const Node& of) {
    return rewriter_.to.add(Op::cast, {x}, {{"to", to}}, of.origin)[0];
  }

  // The narrow value that `id` widens, or kAbsent.
  ValueId narrow(ValueId id) const {
    NodeId producer = rewriter_.to.value(id).producer;
    if (producer < 0 || rewriter_.to.node(producer).op != Op::cast) return kAbsent;
    ValueId source = rewriter_.to.node(producer).inputs[0];
    bool widens =
        rewriter_.to.value(source).dtype == dtype_ && rewriter_.to.value(id).dtype == DType::f32;
    return widens ? source : kAbsent;
  }

  // A broadcast would have its elements widened once for each place; a fill may be no narrow
  // number.
  bool moves_narrow(const Node& node, const std::vector<ValueId>& inputs) const {
    bool moves = row(node.op).op_class == OpClass::movement && node.op != Op::broadcast_to &&
                 node.op != Op::pad && node.op != Op::gather;
    return moves && std::all_of(inputs.begin(), inputs.end(),
                                [&](ValueId id) { return narrow(id) != kAbsent; });
  }

  std::vector<ValueId> moved(const Node& node, const std::vector<ValueId>& inputs) {
    std::vector<ValueId> sources, outputs;
    for (ValueId id : inputs) sources.push_back(narrow(id));
    for (ValueId id : add_as_is(node, std::move(sources))) outputs.push_back(widened(id, node));
    return outputs;
  }

  DType dtype_;
  Grouping grouping_;
  std::vector<bool> wide_;
  Rewriter rewriter_;
  std::vector<ValueId> rounded_;  // of old values: the new one that readers in other groups see
};

// What a first round rounds may move a boundary between groups to another value.
constexpr int kMostRounds = 3;

}  // namespace

Graph narrow_storage(const Graph& graph, const Precision& precision, const FuseRules& rules) {
  if (precision.storage == DType::f32) return graph;
  Graph result = graph;
  for (int round = 0; round < kMostRounds; ++round) {
    StorageNarrower narrower(result, precision, rules);
    if (!narrower.has_work()) break;
    result = simplify(narrower.run());
  }
  return result;
}

}  // namespace tempera::graph
