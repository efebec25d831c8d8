#include "graph/passes/chain_products.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "graph/geometry.h"
#include "graph/passes/rewrite.h"

namespace tempera::graph {

namespace {

using List = std::vector<int64_t>;

// A reshape or transpose with the dimension of its result that holds the channels.
struct View {
  NodeId node;
  size_t axis;
};

// An outer product whose operand is a sum with an inner product's result.
struct Chain {
  NodeId inner = -1, outer = -1;
  std::vector<View> views;        // from the sum to the outer product
  ValueId rest = kAbsent;         // what else is added, of the sum's shape
  std::vector<ValueId> biases;    // vectors of the sum's channels, of weights, any shape
  std::vector<NodeId> sums = {};  // the additions
};

// The dimension of a view's result that holds what dimension `axis` of its operand does.
std::optional<size_t> axis_after(const Graph& graph, const Node& view, size_t axis) {
  const Shape& from = graph.value(view.inputs[0]).shape;
  const Shape& to = graph.value(view.outputs[0]).shape;
  if (view.op == Op::transpose) {
    const List& perm = ints_attribute(view, "perm");
    const auto at = std::ranges::find(perm, static_cast<int64_t>(axis));
    if (at == perm.end()) return std::nullopt;
    return static_cast<size_t>(at - perm.begin());
  }
  const auto before = [](const Shape& shape, size_t d) {
    return std::accumulate(shape.begin(), shape.begin() + static_cast<ptrdiff_t>(d), int64_t{1},
                           std::multiplies<>());
  };
  for (size_t d = 0; d < to.size(); ++d)
    if (to[d] == from[axis] && before(to, d) == before(from, axis)) return d;
  return std::nullopt;
}

class Chainer {
 public:
  explicit Chainer(const Graph& graph)
      : graph_(graph), users_(users(graph)), rewriter_(graph), is_output_(graph.values().size()) {
    for (const NamedValue& output : graph.outputs()) is_output_[output.value] = true;
  }

  Graph run() {
    for (NodeId n = 0; n < std::ssize(graph_.nodes()); ++n)
      if (auto chain = chain_at(n)) add(std::move(*chain));
    for (NodeId n = 0; n < std::ssize(graph_.nodes()); ++n) {
      const auto at = chains_.find(n);
      if (at != chains_.end())
        write(at->second);
      else if (!is_gone(n))
        rewriter_.copy(graph_.node(n));
    }
    return rewriter_.finish();
  }

 private:
  const Node& node(NodeId n) const { return graph_.node(n); }
  ValueId result(NodeId n) const { return node(n).outputs[0]; }
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  Rate rate(ValueId id) const { return graph_.value(id).rate; }
  NodeId producer(ValueId id) const { return graph_.value(id).producer; }
  bool is_gone(NodeId n) const { return std::ranges::find(gone_, n) != gone_.end(); }

  // Computed for one reader.
  bool is_inner(ValueId id) const {
    return producer(id) >= 0 && users_[id].size() == 1 && !is_output_[id];
  }

  // A product of each place's channels by a weight.
  bool is_product(NodeId n) const {
    const Node& p = node(n);
    if (p.op != Op::matmul && p.op != Op::conv) return false;
    const Shape& weight = shape(p.inputs[1]);
    const DType dtype = graph_.value(result(n)).dtype;
    for (size_t i = 0; i < p.inputs.size(); ++i)
      if (p.inputs[i] == kAbsent || (rate(p.inputs[i]) <= Rate::load) != (i > 0) ||
          graph_.value(p.inputs[i]).dtype != dtype)
        return false;
    if (p.op == Op::matmul) return weight.size() == 2 && shape(p.inputs[0]).size() >= 2;
    const ConvGeometry g = conv_geometry(p.attributes, weight.size() - 2);
    const auto all = [](const List& list, int64_t value) {
      return std::ranges::all_of(list, [&](int64_t x) { return x == value; });
    };
    return g.groups == 1 && all(List(weight.begin() + 2, weight.end()), 1) && all(g.strides, 1) &&
           all(g.pads_before, 0) && all(g.pads_after, 0);
  }

  // The dimension of a product's operand and result that holds the channels.
  size_t channel_axis(NodeId product) const {
    return node(product).op == Op::conv ? 1 : shape(result(product)).size() - 1;
  }
  int64_t channels_in(NodeId product) const {
    return shape(node(product).inputs[0])[channel_axis(product)];
  }
  int64_t channels_out(NodeId product) const {
    return shape(result(product))[channel_axis(product)];
  }

  std::optional<Chain> chain_at(NodeId outer) const {
    if (!is_product(outer)) return std::nullopt;
    Chain chain{.outer = outer};
    ValueId sum = node(outer).inputs[0];
    for (; is_inner(sum); sum = node(producer(sum)).inputs[0]) {
      const Op op = node(producer(sum)).op;
      if (op != Op::reshape && op != Op::transpose) break;
      chain.views.insert(chain.views.begin(), {producer(sum), 0});
    }
    if (!find_inner(sum, chain) || !follow_channels(chain) || !pays(chain)) return std::nullopt;
    const Rate of_all = rate(result(outer));
    const bool is_one_rate = rate(result(chain.inner)) == of_all &&
                             (chain.rest == kAbsent || rate(chain.rest) == of_all);
    return is_one_rate ? std::optional(chain) : std::nullopt;
  }

  // Looks for the inner product among what is added up to `value`.
  bool find_inner(ValueId value, Chain& chain) const {
    if (!is_inner(value)) return false;
    const NodeId n = producer(value);
    if (is_product(n)) {
      chain.inner = n;
      if (node(n).inputs.size() > 2) chain.biases.push_back(node(n).inputs[2]);
      return true;
    }
    if (node(n).op != Op::add) return false;
    for (const int side : {0, 1}) {
      const ValueId term = node(n).inputs[side];
      if (shape(term) != shape(value) || !find_inner(term, chain)) continue;
      chain.sums.push_back(n);
      return add_term(node(n).inputs[1 - side], chain);
    }
    return false;
  }

  // One term beside the inner product's result.
  bool add_term(ValueId term, Chain& chain) const {
    const Shape& sum = shape(result(chain.inner));
    if (rate(term) <= Rate::load) {
      Shape vector(sum.size() - channel_axis(chain.inner), 1);
      vector[0] = channels_out(chain.inner);
      Shape extents = shape(term);
      while (extents.size() > vector.size() && extents.front() == 1) extents.erase(extents.begin());
      chain.biases.push_back(term);
      return extents == vector;
    }
    if (chain.rest != kAbsent || shape(term) != sum) return false;
    chain.rest = term;
    return true;
  }

  bool follow_channels(Chain& chain) const {
    size_t axis = channel_axis(chain.inner);
    for (View& view : chain.views) {
      const auto after = axis_after(graph_, node(view.node), axis);
      if (!after) return false;
      view.axis = axis = *after;
    }
    return axis == channel_axis(chain.outer) &&
           channels_in(chain.outer) == channels_out(chain.inner);
  }

  // Counted for a place: operations and weights are the same number.
  bool pays(const Chain& chain) const {
    const int64_t in = channels_in(chain.inner), middle = channels_out(chain.inner);
    const int64_t out = channels_out(chain.outer);
    const int64_t beside = chain.rest == kAbsent ? 0 : middle;
    return out * (in + beside) <= in * middle + middle * out;
  }

  void add(Chain chain) {
    // Of three products in a row the first two are one chain.
    if (chains_.contains(chain.inner)) return;
    gone_.push_back(chain.inner);
    for (const View& view : chain.views) gone_.push_back(view.node);
    for (const NodeId sum : chain.sums) gone_.push_back(sum);
    chains_.emplace(chain.outer, std::move(chain));
  }

  ValueId make(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
    return rewriter_.to.add(op, std::move(inputs), attributes, origin_)[0];
  }
  ValueId reshaped(ValueId x, const Shape& to) { return make(Op::reshape, {x}, {{"shape", to}}); }
  ValueId transposed(ValueId x) { return make(Op::transpose, {x}, {{"perm", List{1, 0}}}); }
  ValueId joined(const std::vector<ValueId>& pieces, size_t axis) {
    if (pieces.size() == 1) return pieces[0];
    return make(Op::concat, pieces, {{"axis", static_cast<int64_t>(axis)}});
  }

  // A product's weight as [out, in].
  ValueId matrix(NodeId product) {
    const ValueId weight = rewriter_.now(node(product).inputs[1]);
    if (node(product).op == Op::matmul) return transposed(weight);
    return reshaped(weight, {channels_out(product), channels_in(product)});
  }

  // What the outer product reads of `x`, which has the places of the sum.
  ValueId viewed(ValueId x, const Chain& chain) {
    const int64_t channels = shape(x)[channel_axis(chain.inner)];
    ValueId now = rewriter_.now(x);
    for (const View& view : chain.views) {
      Attributes attributes = node(view.node).attributes;
      Shape to = shape(result(view.node));
      to[view.axis] = channels;
      if (node(view.node).op == Op::reshape) attributes = {{"shape", to}};
      now = make(node(view.node).op, {now}, attributes);
    }
    return now;
  }

  // The outer product of the inner one's biases, or kAbsent.
  ValueId bias(const Chain& chain, ValueId outer_weight) {
    ValueId sum = kAbsent;
    for (const ValueId id : chain.biases) {
      const ValueId vector = reshaped(rewriter_.now(id), {channels_out(chain.inner)});
      sum = sum == kAbsent ? vector : make(Op::add, {sum, vector});
    }
    return sum == kAbsent ? kAbsent : make(Op::matmul, {outer_weight, sum});
  }

  void write(const Chain& chain) {
    const Node& outer = node(chain.outer);
    origin_ = outer.origin;
    origin_.insert(origin_.end(), node(chain.inner).origin.begin(), node(chain.inner).origin.end());
    const ValueId by = matrix(chain.outer);
    std::vector<ValueId> weights{make(Op::matmul, {by, matrix(chain.inner)})};
    std::vector<ValueId> operands{viewed(node(chain.inner).inputs[0], chain)};
    if (chain.rest != kAbsent) {
      weights.insert(weights.begin(), by);
      operands.insert(operands.begin(), viewed(chain.rest, chain));
    }
    const ValueId x = joined(operands, channel_axis(chain.outer));
    const ValueId weight = joined(weights, 1);
    rewriter_.replace(result(chain.outer), product(outer, x, weight, bias(chain, by)));
  }

  // `outer` of other operands; a weight of [out, in].
  ValueId product(const Node& outer, ValueId x, ValueId weight, ValueId bias) {
    if (outer.op == Op::matmul) {
      const ValueId y = make(Op::matmul, {x, transposed(weight)}, outer.attributes);
      return bias == kAbsent ? y : make(Op::add, {y, bias});
    }
    Shape taps = shape(outer.inputs[1]);
    taps[1] = rewriter_.to.value(weight).shape[1];
    std::vector<ValueId> inputs{x, reshaped(weight, taps)};
    const ValueId own = outer.inputs.size() > 2 ? rewriter_.now(outer.inputs[2]) : kAbsent;
    if (own != kAbsent && bias != kAbsent)
      inputs.push_back(make(Op::add, {bias, own}));
    else if (own != kAbsent || bias != kAbsent)
      inputs.push_back(own != kAbsent ? own : bias);
    return make(Op::conv, std::move(inputs), outer.attributes);
  }

  const Graph& graph_;
  std::vector<std::vector<NodeId>> users_;
  Rewriter rewriter_;
  std::vector<bool> is_output_;
  std::map<NodeId, Chain> chains_;  // by their outer product
  std::vector<NodeId> gone_;
  std::vector<std::string> origin_;  // of what is made
};

}  // namespace

Graph chain_products(const Graph& graph) { return Chainer(graph).run(); }

}  // namespace tempera::graph
