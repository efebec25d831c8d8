#include "graph/passes/upsample_conv.h"

#include <algorithm>
#include <climits>
#include <optional>

#include "graph/geometry.h"
#include "graph/made_by.h"
#include "graph/passes/rewrite.h"

namespace tempera::graph {

namespace {

using List = std::vector<int64_t>;

bool all_ones(const List& list) {
  return std::all_of(list.begin(), list.end(), [](int64_t n) { return n == 1; });
}

// The whole number by which each spatial dimension grows; nothing if one does not, or if a batch or
// channel does.
std::optional<List> factors_of(const Graph& graph, const Node& upsample, size_t spatial) {
  const Shape& from = graph.value(upsample.inputs[0]).shape;
  const Shape& to = graph.value(upsample.outputs[0]).shape;
  List factors;
  for (size_t d = 0; d < from.size(); ++d) {
    if (from[d] == 0 || to[d] % from[d] != 0) return std::nullopt;
    if (d + spatial >= from.size())
      factors.push_back(to[d] / from[d]);
    else if (to[d] != from[d])
      return std::nullopt;
  }
  return factors;
}

// A convolution that the pass replaces, with the upsampling that it reads.
struct Match {
  ValueId x;
  ConvGeometry geometry;
  List factors, taps;  // of each spatial dimension
};

std::optional<Match> match(const Graph& graph, const Node& node) {
  if (node.op != Op::conv) return std::nullopt;
  const Node* upsample = made_by(graph, node.inputs[0], Op::upsample_nearest);
  if (upsample == nullptr) return std::nullopt;
  const Shape& weight = graph.value(node.inputs[1]).shape;
  Match m{upsample->inputs[0], conv_geometry(node.attributes, weight.size() - 2), {}, {}};
  m.taps.assign(weight.begin() + 2, weight.end());
  auto factors = factors_of(graph, *upsample, m.taps.size());
  const ConvGeometry& g = m.geometry;
  if (!factors || !all_ones(g.strides) || !all_ones(g.dilations) || g.groups != 1)
    return std::nullopt;
  m.factors = *factors;
  int64_t before = 1, after = 1;
  for (size_t d = 0; d < m.taps.size(); ++d) {
    if (std::max(g.pads_before[d], g.pads_after[d]) >= m.taps[d]) return std::nullopt;
    before *= m.taps[d] * m.factors[d];
    after *= m.taps[d] + m.factors[d] - 1;
  }
  return after < before ? std::optional(m) : std::nullopt;
}

struct Builder {
  Rewriter& rewriter;
  const Node& node;
  const Match& m;

  ValueId add(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {}) {
    return rewriter.to.add(op, std::move(inputs), attributes, node.origin)[0];
  }

  // [o, c, taps...] -> [c, o, taps...] with the taps in reverse.
  ValueId turned(ValueId weight) {
    List perm, axes, minus_ones(m.taps.size(), -1), lowest(m.taps.size(), INT_MIN);
    for (size_t d = 0; d < m.taps.size() + 2; ++d) perm.push_back(static_cast<int64_t>(d));
    std::swap(perm[0], perm[1]);
    axes.assign(perm.begin() + 2, perm.end());
    ValueId turned = add(Op::transpose, {weight}, {{"perm", perm}});
    return add(Op::slice, {turned},
               {{"axes", axes}, {"starts", minus_ones}, {"ends", lowest}, {"steps", minus_ones}});
  }

  // n copies of the taps, each a place further, added up along spatial dimension d.
  ValueId spread(ValueId weight, size_t d) {
    size_t rank = m.taps.size() + 2;
    ValueId sum = kAbsent;
    for (int64_t shift = 0; shift < m.factors[d]; ++shift) {
      List pads(2 * rank, 0);
      pads[d + 2] = shift;
      pads[rank + d + 2] = m.factors[d] - 1 - shift;
      ValueId copy = add(Op::pad, {weight}, {{"pads", pads}});
      sum = sum == kAbsent ? copy : add(Op::add, {sum, copy});
    }
    return sum;
  }

  ValueId build() {
    ValueId weight = turned(rewriter.now(node.inputs[1]));
    for (size_t d = 0; d < m.taps.size(); ++d)
      if (m.factors[d] > 1) weight = spread(weight, d);
    List pads;
    for (size_t d = 0; d < m.taps.size(); ++d)
      pads.push_back(m.taps[d] - 1 - m.geometry.pads_before[d]);
    for (size_t d = 0; d < m.taps.size(); ++d)
      pads.push_back(m.taps[d] - 1 - m.geometry.pads_after[d]);
    std::vector<ValueId> inputs{rewriter.now(m.x), weight};
    if (node.inputs.size() > 2) inputs.push_back(rewriter.now(node.inputs[2]));
    return add(
        Op::conv_transpose, std::move(inputs),
        {{"strides", m.factors}, {"pads", pads}, {"result", string_attribute(node, "result")}});
  }
};

}  // namespace

Graph upsample_conv(const Graph& graph) {
  return rewrite(graph, [&](Rewriter& rewriter, const Node& node) {
    auto found = match(graph, node);
    if (!found) return false;
    ValueId result = Builder{rewriter, node, *found}.build();
    rewriter.to.set_layout(result, graph.value(node.outputs[0]).layout);
    rewriter.replace(node.outputs[0], result);
    return true;
  });
}

}  // namespace tempera::graph
