#include "graph/passes/grouping.h"

#include <algorithm>
#include <set>

#include "graph/attribute.h"
#include "graph/geometry.h"

namespace tempera::graph {

namespace {

bool is_anchor(Op op) {
  switch (row(op).op_class) {
    case OpClass::contraction:
    case OpClass::attention:
    case OpClass::reduction:
    case OpClass::normalization:
      return true;
    default:
      return false;
  }
}

bool is_elementwise(Op op) { return row(op).op_class == OpClass::elementwise; }

bool is_view(Op op) {
  return op == Op::reshape || op == Op::transpose || op == Op::slice || op == Op::broadcast_to ||
         op == Op::upsample_nearest;
}

bool keeps_elements(Op op) { return op == Op::reshape || op == Op::transpose; }

// Element-wise work so cheap that doing it again costs less than reading its result.
bool is_cheap(Op op) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::neg:
    case Op::abs:
    case Op::minimum:
    case Op::maximum:
    case Op::relu:
    case Op::where:
    case Op::cast:
    case Op::equal:
    case Op::less:
    case Op::less_or_equal:
    case Op::logical_and:
    case Op::logical_or:
    case Op::logical_not:
    case Op::sign:
    case Op::floor:
    case Op::ceil:
    case Op::round:
      return true;
    default:
      return false;
  }
}

constexpr size_t kMostReaders = 3;  // groups that may each compute the same cheap work again
constexpr size_t kMostPieces = 4;   // of a concat that is read in place, a choice for each element

// A place where a value is read in the end, seen through the nodes that have no group of their own.
struct Sink {
  int group;  // -1: it must lie in memory, as a graph output
  Takes takes;
  bool grows = false;  // read more than once an element, by broadcasting
  bool weight = false;
  bool is_anchor_rows = false;  // input 0 of the anchor, with only element-wise nodes on the way
  bool joins = false;           // reads a concat in place
};

class Grouper {
 public:
  Grouper(const Graph& graph, const FuseRules& rules)
      : graph_(graph),
        rules_(rules),
        users_(users(graph)),
        is_output_(graph.values().size()),
        sinks_(graph.values().size()) {
    result_.owner.assign(graph.nodes().size(), -1);
    for (const NamedValue& output : graph.outputs()) is_output_[output.value] = true;
  }

  Grouping run() {
    auto count = static_cast<NodeId>(graph_.nodes().size());
    for (NodeId n = 0; n < count; ++n)
      if (result_.owner[n] < 0 && is_anchor(node(n).op) && !may_join_prologue(n)) place_anchor(n);
    for (NodeId n = count - 1; n >= 0; --n) {
      find_sinks(n);
      if (result_.owner[n] < 0 && needs_group(n)) make_group(n, is_anchor(node(n).op) ? n : -1);
    }
    return std::move(result_);
  }

 private:
  const Node& node(NodeId n) const { return graph_.node(n); }
  Rate rate(NodeId n) const { return graph_.value(node(n).outputs[0]).rate; }
  Rate group_rate(int group) const { return rate(result_.plans[group].members[0]); }
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  int64_t size(ValueId id) const { return element_count(shape(id)); }

  // A cast of floats between f32 and 16 bits that is not of a weight.
  bool is_cast(NodeId n, bool widening) const {
    if (node(n).op != Op::cast || rate(n) <= Rate::load) return false;
    DType narrow = graph_.value(node(n).inputs[0]).dtype;
    DType wide = graph_.value(node(n).outputs[0]).dtype;
    if (!widening) std::swap(narrow, wide);
    return wide == DType::f32 && (narrow == DType::f16 || narrow == DType::bf16);
  }
  // What any reader does on its way, however many there are: maps of indices, and the widening of
  // what then lies in memory in half the bytes.
  bool is_free(NodeId n) const { return is_view(node(n).op) || is_cast(n, true); }

  int make_group(NodeId n, NodeId anchor) {
    auto group = static_cast<int>(result_.plans.size());
    result_.plans.push_back({anchor, {n}});
    result_.owner[n] = group;
    return group;
  }
  void join(int group, NodeId n) {
    result_.plans[group].members.push_back(n);
    result_.owner[n] = group;
  }

  // Epilogues.

  void place_anchor(NodeId n) {
    int group = make_group(n, n);
    // Moments are records, kept in parts: nothing follows them element for element.
    const bool is_records = node(n).op == Op::channel_moments;
    if (node(n).outputs.size() == 1 && !is_records) grow(group, node(n).outputs[0]);
  }

  // Takes what follows `tip`, a value of the group, element for element.
  void grow(int group, ValueId tip) {
    for (NodeId user : users_[tip]) {
      if (!continues(group, tip, user)) continue;
      join(group, user);
      if (node(user).op != Op::channel_moments) grow(group, node(user).outputs[0]);
    }
  }

  bool continues(int group, ValueId tip, NodeId user) const {
    if (result_.owner[user] >= 0 || rate(user) != group_rate(group)) return false;
    if (is_elementwise(node(user).op)) return !is_cast(user, true) && follows(group, tip, user);
    if (node(user).op == Op::slice) return joins_halves(group, tip);
    if (node(user).op == Op::channel_moments) return makes_moments(group, tip);
    bool sole = users_[tip].size() == 1 && !is_output_[tip];
    return keeps_elements(node(user).op) && sole && leads_on(group, node(user).outputs[0]);
  }

  // An element-wise node of tip's shape whose other operands are there before the group runs.
  bool follows(int group, ValueId tip, NodeId user) const {
    if (shape(node(user).outputs[0]) != shape(tip)) return false;
    return std::all_of(node(user).inputs.begin(), node(user).inputs.end(), [&](ValueId id) {
      return id == tip || is_member(group, id) || !depends_on(id, group);
    });
  }

  // Moments of a value as the anchor's result lies, the first that are asked of the group.
  bool makes_moments(int group, ValueId tip) const {
    const Grouping::Plan& plan = result_.plans[group];
    return plan.anchor >= 0 && shape(tip) == shape(node(plan.anchor).outputs[0]) &&
           rules_.makes_channel_moments(graph_, node(plan.anchor)) &&
           std::none_of(plan.members.begin(), plan.members.end(),
                        [&](NodeId n) { return node(n).op == Op::channel_moments; });
  }

  // The two halves of a matmul's columns, read by nobody else, that meet again.
  bool joins_halves(int group, ValueId tip) const {
    const NodeId anchor = result_.plans[group].anchor;
    const auto& slices = users_[tip];
    if (anchor < 0 || node(anchor).op != Op::matmul || slices.size() != 2 || is_output_[tip] ||
        shape(tip) != shape(node(anchor).outputs[0]) || !rules_.takes_halves(graph_, node(anchor)))
      return false;
    const auto first = half_of_columns(graph_, node(slices[0]));
    const auto second = half_of_columns(graph_, node(slices[1]));
    return first && second && *first != *second && meet(slices[0], slices[1]);
  }

  // Do element-wise nodes alone lead from both values to the same one?
  bool meet(NodeId a, NodeId b) const {
    const std::set<NodeId> behind = elementwise_behind(a);
    const std::set<NodeId> others = elementwise_behind(b);
    return std::any_of(others.begin(), others.end(), [&](NodeId n) { return behind.contains(n); });
  }
  std::set<NodeId> elementwise_behind(NodeId n) const {
    std::set<NodeId> nodes;
    for (ValueId value = node(n).outputs[0]; users_[value].size() == 1 && !is_output_[value];) {
      const NodeId user = users_[value][0];
      const ValueId next = node(user).outputs[0];
      if (!is_elementwise(node(user).op) || shape(next) != shape(value)) break;
      nodes.insert(user);
      value = next;
    }
    return nodes;
  }

  bool is_member(int group, ValueId id) const {
    NodeId producer = graph_.value(id).producer;
    return producer >= 0 && result_.owner[producer] == group;
  }

  // A reshape or transpose joins the epilogue only on the way to more of it, or to a place that
  // must lie in memory.
  bool leads_on(int group, ValueId view) const {
    if (is_output_[view]) return true;
    const auto& readers = users_[view];
    return std::any_of(readers.begin(), readers.end(), [&](NodeId user) {
      return refuses(user, view) || continues(group, view, user);
    });
  }

  bool refuses(NodeId user, ValueId id) const {
    if (is_elementwise(node(user).op) || is_view(node(user).op)) return false;
    const auto& inputs = node(user).inputs;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] == id && takes(user, i) == Takes::nothing) return true;
    return false;
  }

  Takes takes(NodeId user, size_t input) const {
    return rules_.takes(node(user).op, static_cast<int>(input));
  }

  bool joins(NodeId user, size_t input) const {
    return rules_.joins && rules_.joins(node(user).op, static_cast<int>(input));
  }

  // Does computing the value need anything of the group? Groups are entered as a whole.
  bool depends_on(ValueId id, int group) const {
    std::vector<bool> seen(graph_.nodes().size());
    std::vector<NodeId> open;
    auto visit = [&](NodeId n) {
      if (n < 0 || seen[n]) return;
      seen[n] = true;
      open.push_back(n);
    };
    visit(graph_.value(id).producer);
    while (!open.empty()) {
      NodeId n = open.back();
      open.pop_back();
      if (result_.owner[n] == group) return true;
      if (result_.owner[n] >= 0)
        for (NodeId member : result_.plans[result_.owner[n]].members) visit(member);
      for (ValueId input : node(n).inputs)
        if (input != kAbsent) visit(graph_.value(input).producer);
    }
    return false;
  }

  // Prologues. Nodes are visited from the last to the first, so that all readers are decided.

  void find_sinks(NodeId n) {
    for (ValueId output : node(n).outputs) {
      if (is_output_[output]) sinks_[output].push_back({-1, Takes::nothing});
      NodeId last = -1;
      for (NodeId user : users_[output]) {
        if (user == last) continue;
        last = user;
        add_sinks(output, user);
      }
    }
  }

  void add_sinks(ValueId id, NodeId user) {
    const Node& reader = node(user);
    bool by_index = is_elementwise(reader.op) || is_view(reader.op);
    bool grows = by_index && size(reader.outputs[0]) > size(id);
    int group = result_.owner[user];
    if (group < 0 && (reader.op == Op::moments || reader.op == Op::group_norm_affine)) {
      // Its operands are read a few times, wherever the results are; records where they lie.
      const Takes taken = reads_records(reader, id) ? Takes::nothing : Takes::elementwise;
      for (ValueId output : reader.outputs)
        for (const Sink& sink : sinks_[output])
          sinks_[id].push_back({sink.group, std::min(sink.takes, taken)});
    } else if (group < 0) {
      for (Sink sink : sinks_[reader.outputs[0]]) {
        sink.grows |= grows;
        sink.is_anchor_rows &= is_elementwise(reader.op);
        sinks_[id].push_back(sink);
      }
    } else if (by_index) {
      sinks_[id].push_back({.group = group, .takes = Takes::staged, .grows = grows, .joins = true});
    } else {
      for (size_t i = 0; i < reader.inputs.size(); ++i)
        if (reader.inputs[i] == id)
          sinks_[id].push_back(
              {.group = group,
               .takes = reads_records(reader, id) ? Takes::nothing : takes(user, i),
               .weight = is_weight(reader.op, i),
               .is_anchor_rows = i == 0,
               .joins = joins(user, i)});
    }
  }

  // Is the value channel_moments that this reader joins?
  static bool reads_records(const Node& reader, ValueId id) {
    return reader.op == Op::group_norm_affine &&
           std::find(reader.inputs.begin() + 2, reader.inputs.end(), id) != reader.inputs.end();
  }

  static bool is_weight(Op op, size_t input) {
    return (row(op).op_class == OpClass::contraction && input == 1) ||
           (op == Op::gather && input == 0);
  }

  bool needs_group(NodeId n) const {
    Op op = node(n).op;
    if (op == Op::literal) return false;
    if (op == Op::moments) return !joins_matmul(n);
    if (op == Op::group_norm_affine) return !joins_contractions(n);
    bool is_choice = op == Op::concat || op == Op::pad;
    if (!is_view(op) && !is_elementwise(op) && !is_choice) return true;
    const auto& sinks = sinks_[node(n).outputs[0]];
    bool all_take = std::all_of(sinks.begin(), sinks.end(), [&](const Sink& sink) {
      if (is_choice) return takes_choice(sink, n);
      return is_free(n) ? sink.takes >= Takes::views : takes_work(sink, n);
    });
    return !all_take || (!is_free(n) && !is_choice && too_many_readers(n));
  }

  // The work that decides where a node goes: a narrowing cast stays with the work before it, so
  // that what lies in memory is narrow.
  NodeId weighed(NodeId n) const {
    if (!is_cast(n, false)) return n;
    NodeId before = graph_.value(node(n).inputs[0]).producer;
    bool is_work = before >= 0 && result_.owner[before] < 0 && is_elementwise(node(before).op) &&
                   !is_free(before) && rate(before) == rate(n);
    return is_work ? before : n;
  }

  // Moments over the last dimension, of no group until their readers are known.
  bool may_join_matmul(NodeId n) const {
    if (node(n).op != Op::moments) return false;
    const size_t rank = shape(node(n).inputs[0]).size();
    return positive_axes(ints_attribute(node(n), "axes"), rank) ==
           std::vector<int64_t>{static_cast<int64_t>(rank) - 1};
  }

  // Of no group until their readers are known.
  bool may_join_prologue(NodeId n) const {
    return node(n).op == Op::group_norm_affine || may_join_matmul(n);
  }

  // Are all readers of this factor and term contractions that make them themselves?
  bool joins_contractions(NodeId n) const {
    const auto takes_it = [&](const Sink& sink) {
      if (sink.group < 0 || !sink.is_anchor_rows || rate(n) != group_rate(sink.group)) return false;
      const NodeId anchor = result_.plans[sink.group].anchor;
      return anchor >= 0 && rules_.takes_group_affine(graph_, node(anchor));
    };
    return std::all_of(node(n).outputs.begin(), node(n).outputs.end(), [&](ValueId output) {
      return std::all_of(sinks_[output].begin(), sinks_[output].end(), takes_it);
    });
  }

  // Is one matmul the only reader of these moments, by the rows of its first operand?
  bool joins_matmul(NodeId n) const {
    if (!may_join_matmul(n)) return false;
    std::set<int> groups;
    for (ValueId output : node(n).outputs)
      for (const Sink& sink : sinks_[output]) {
        if (!sink.is_anchor_rows || !takes_rows_of(sink.group, node(n).inputs[0])) return false;
        groups.insert(sink.group);
      }
    return groups.size() == 1 && rate(n) == group_rate(*groups.begin());
  }

  bool takes_rows_of(int group, ValueId value) const {
    const NodeId anchor = result_.plans[group].anchor;
    return anchor >= 0 && node(anchor).op == Op::matmul &&
           shape(node(anchor).inputs[0]) == shape(value) &&
           rules_.takes_row_moments(graph_, node(anchor));
  }

  // A concat or pad: where each element comes from is chosen when it is read.
  bool takes_choice(const Sink& sink, NodeId n) const {
    if (sink.weight && rate(n) <= Rate::load) return sink.takes >= Takes::elementwise;
    if (sink.group < 0 || !sink.joins || rate(n) != group_rate(sink.group)) return false;
    if (rate(n) <= Rate::load) return true;
    return node(n).op == Op::concat && node(n).inputs.size() <= kMostPieces;
  }

  bool takes_work(const Sink& sink, NodeId n) const {
    if (sink.group < 0 || sink.grows) return false;
    if (sink.takes < (is_cheap(node(weighed(n)).op) ? Takes::elementwise : Takes::staged))
      return false;
    return rate(n) == group_rate(sink.group) || (sink.weight && rate(n) <= Rate::load);
  }

  bool too_many_readers(NodeId n) const {
    std::set<int> groups;
    for (const Sink& sink : sinks_[node(n).outputs[0]])
      if (!sink.weight) groups.insert(sink.group);
    if (groups.size() <= 1) return false;
    NodeId work = weighed(n);
    return !is_cheap(node(work).op) || groups.size() > kMostReaders || full_operands(work) > 1;
  }

  // Operands as large as the result: what every reader would read again.
  int64_t full_operands(NodeId n) const {
    ValueId output = node(n).outputs[0];
    return std::count_if(node(n).inputs.begin(), node(n).inputs.end(),
                         [&](ValueId id) { return size(id) == size(output); });
  }

  const Graph& graph_;
  const FuseRules& rules_;
  std::vector<std::vector<NodeId>> users_;
  std::vector<bool> is_output_;
  std::vector<std::vector<Sink>> sinks_;
  Grouping result_;
};

}  // namespace

Grouping find_groups(const Graph& graph, const FuseRules& rules) {
  return Grouper(graph, rules).run();
}

}  // namespace tempera::graph
