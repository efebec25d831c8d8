#include <algorithm>
#include <map>

#include "graph/passes/grouping.h"

namespace tempera::graph {

namespace {

// What one group reads from outside it.
class Reach {
 public:
  Reach(const Graph& graph, const Grouping& grouping, int group)
      : graph_(graph), grouping_(grouping), group_(group) {}

  // Is the value computed inside the group (or an inlined literal)?
  bool is_inside(ValueId id) const {
    NodeId producer = graph_.value(id).producer;
    if (producer < 0) return false;
    const Node& node = graph_.node(producer);
    if (node.literal) return node.literal->size() == 1;
    return grouping_.owner[producer] == group_ || grouping_.owner[producer] < 0;
  }

  std::vector<ValueId> externals() const {
    std::vector<ValueId> result;
    std::vector<bool> seen(graph_.nodes().size());
    std::vector<NodeId> open(grouping_.plans[group_].members);
    while (!open.empty()) {
      NodeId n = open.back();
      open.pop_back();
      if (seen[n]) continue;
      seen[n] = true;
      for (ValueId id : graph_.node(n).inputs) {
        if (id == kAbsent) continue;
        if (is_inside(id))
          open.push_back(graph_.value(id).producer);
        else
          result.push_back(id);
      }
    }
    return result;
  }

 private:
  const Graph& graph_;
  const Grouping& grouping_;
  int group_;
};

// Copies a group's nodes into its body, operands first, starting from the outputs: so that equal
// groups get equal bodies wherever they stand.
class BodyBuilder {
 public:
  BodyBuilder(const Graph& graph, const Grouping& grouping, int group)
      : graph_(graph), plan_(grouping.plans[group]), reach_(graph, grouping, group) {}

  Group build(const std::vector<ValueId>& outputs) {
    for (ValueId id : outputs) {
      group_.body.add_output(fmt::format("o{}", group_.outputs.size()), emit(id));
      group_.outputs.push_back(id);
    }
    group_.rate = graph_.value(outputs.at(0)).rate;
    return std::move(group_);
  }

 private:
  ValueId emit(ValueId id) {
    if (id == kAbsent) return kAbsent;
    if (auto at = emitted_.find(id); at != emitted_.end()) return at->second;
    if (reach_.is_inside(id))
      emit_node(graph_.value(id).producer);
    else
      emit_input(id);
    return emitted_.at(id);
  }

  void emit_input(ValueId id) {
    const Value& value = graph_.value(id);
    emitted_[id] = group_.body.add_input(fmt::format("i{}", group_.inputs.size()), value.dtype,
                                         value.shape, value.rate, value.layout);
    group_.inputs.push_back(id);
  }

  void emit_node(NodeId n) {
    const Node& node = graph_.node(n);
    std::vector<ValueId> outputs;
    if (node.literal) {
      outputs.push_back(group_.body.add_literal(*node.literal));
    } else {
      std::vector<ValueId> inputs;
      for (ValueId id : node.inputs) inputs.push_back(emit(id));
      outputs = group_.body.add(node.op, std::move(inputs), node.attributes, node.origin);
      add_origin(node.origin);
    }
    if (n == plan_.anchor) group_.anchor = group_.body.value(outputs[0]).producer;
    for (size_t i = 0; i < outputs.size(); ++i) {
      group_.body.set_layout(outputs[i], graph_.value(node.outputs[i]).layout);
      emitted_[node.outputs[i]] = outputs[i];
    }
  }

  void add_origin(const std::vector<std::string>& origin) {
    for (const std::string& path : origin)
      if (std::find(group_.origin.begin(), group_.origin.end(), path) == group_.origin.end())
        group_.origin.push_back(path);
  }

  const Graph& graph_;
  const Grouping::Plan& plan_;
  Reach reach_;
  Group group_;
  std::map<ValueId, ValueId> emitted_;
};

// Plans in an order in which each comes after those whose values it reads; those first made come
// first.
class Order {
 public:
  Order(const Graph& graph, const Grouping& grouping,
        const std::vector<std::vector<ValueId>>& reads)
      : graph_(graph), grouping_(grouping), reads_(reads), state_(reads.size()) {}

  std::vector<int> run() {
    std::vector<int> by_node(reads_.size());
    for (size_t i = 0; i < by_node.size(); ++i) by_node[i] = static_cast<int>(i);
    std::sort(by_node.begin(), by_node.end(), [&](int a, int b) {
      return grouping_.plans[a].members[0] < grouping_.plans[b].members[0];
    });
    for (int group : by_node) visit(group);
    return std::move(order_);
  }

 private:
  enum State { fresh, open, done };

  void visit(int group) {
    if (state_[group] == done) return;
    CHECK(state_[group] == fresh, "groups that read each other, at {}",
          name(graph_.node(grouping_.plans[group].members[0]).op));
    state_[group] = open;
    for (ValueId id : reads_[group]) {
      NodeId producer = graph_.value(id).producer;
      if (producer >= 0 && grouping_.owner[producer] >= 0) visit(grouping_.owner[producer]);
    }
    state_[group] = done;
    order_.push_back(group);
  }

  const Graph& graph_;
  const Grouping& grouping_;
  const std::vector<std::vector<ValueId>>& reads_;
  std::vector<State> state_;
  std::vector<int> order_;
};

std::vector<ValueId> outputs_of(const Graph& graph, const Grouping::Plan& plan,
                                const std::vector<bool>& needed) {
  std::vector<ValueId> outputs;
  for (NodeId member : plan.members)
    for (ValueId id : graph.node(member).outputs)
      if (needed[id]) outputs.push_back(id);
  return outputs;
}

}  // namespace

std::vector<Group> build_groups(const Graph& graph, const Grouping& grouping) {
  std::vector<std::vector<ValueId>> reads;
  std::vector<bool> needed(graph.values().size());
  for (const NamedValue& output : graph.outputs()) needed[output.value] = true;
  for (int i = 0; i < std::ssize(grouping.plans); ++i) {
    reads.push_back(Reach(graph, grouping, i).externals());
    for (ValueId id : reads.back()) needed[id] = true;
  }
  std::vector<Group> groups;
  for (int i : Order(graph, grouping, reads).run()) {
    auto outputs = outputs_of(graph, grouping.plans[i], needed);
    if (!outputs.empty()) groups.push_back(BodyBuilder(graph, grouping, i).build(outputs));
  }
  return groups;
}

}  // namespace tempera::graph
