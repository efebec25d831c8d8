#include "lower/schedules/walk.h"

#include <algorithm>
#include <limits>

#include "lower/group_access.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Graph;
using graph::Group;
using graph::Value;
using kernel::Expr;

namespace {

const Value& first_output(const Group& group) {
  return group.body.value(group.body.outputs()[0].value);
}

// An index of fresh variables, but for the inner dimensions: those are the digits of a vector.
Index probe(const Shape& shape, const std::vector<int>& inner, int lanes) {
  Index index;
  for (size_t d = 0; d < shape.size(); ++d)
    index.push_back(shape[d] == 1 ? Expr(0) : kernel::variable("d" + std::to_string(d)));
  const Expr flat = lanes == 1 ? Expr(0) : kernel::ramp(kernel::variable("v") * lanes, 1, lanes);
  spread(flat, shape, inner, index);
  return index;
}

bool is_contiguous(const Expr& offset) {
  return offset->type.is_scalar() ||
         (offset->kind == kernel::ExprKind::ramp && is_constant(offset->args[1], 1));
}

// Memory accesses for a vector: a gather is one a lane, a scatter somewhat more. Joined dimensions
// that would need either are out of the question.
double accesses(const Group& group, const std::vector<int>& inner, int lanes) {
  GroupAccess access(group);
  double total = 1;
  for (const graph::NamedValue& output : group.body.outputs()) {
    const Value& value = group.body.value(output.value);
    const Index index = probe(value.shape, inner, lanes);
    const LoadCounts loads = count_loads(access.value_at(output.value, index));
    const bool contiguous = is_contiguous(element_offset(value, index));
    if (inner.size() > 1 && (loads.scattered > 0 || !contiguous))
      return std::numeric_limits<double>::infinity();
    total += loads.contiguous + 0.5 * loads.uniform + 1.0 * lanes * loads.scattered;
    total += contiguous ? 1 : 1.5 * lanes;
  }
  return total;
}

int tile_dimension(const Group& group, const Walk& walk) {
  const Value& value = first_output(group);
  const auto reads = [&](const std::vector<int>& inner) {
    GroupAccess access(group);
    return count_loads(
        access.value_at(group.body.outputs()[0].value, probe(value.shape, inner, walk.lanes)));
  };
  if (walk.lanes == 1 || reads(walk.inner).scattered == 0) return -1;
  int best = -1;
  for (int d = 0; d < static_cast<int>(value.shape.size()); ++d) {
    const bool inside = std::find(walk.inner.begin(), walk.inner.end(), d) != walk.inner.end();
    if (inside || value.shape[d] < 4 || reads({d}).contiguous == 0) continue;
    if (best < 0 || value.shape[d] > value.shape[best]) best = d;
  }
  return best;
}

// Single dimensions, and runs of those that lie innermost in memory while what is inside is short.
std::vector<std::vector<int>> candidates(const Value& value, int64_t lanes) {
  const std::vector<int> order = memory_order(value);
  std::vector<std::vector<int>> result;
  for (size_t i = order.size(); i-- > 0;)
    if (value.shape[order[i]] > 1) result.push_back({order[i]});
  std::vector<int> run;
  int64_t extent = 1;
  for (size_t i = order.size();
       i-- > 0 && (extent % lanes != 0 || extent == 1) && extent < 16 * lanes;) {
    run.insert(run.begin(), order[i]);
    extent *= value.shape[order[i]];
    if (run.size() > 1 && extent > 1) result.push_back(run);
  }
  if (result.empty()) result.push_back({});
  return result;
}

}  // namespace

Walk choose_walk(const Group& group, const Target& target) {
  const Value& value = first_output(group);
  Walk best;
  double least = 0;
  for (const std::vector<int>& inner : candidates(value, target.lanes(4))) {
    const int64_t extent = product(value.shape, inner);
    const int lanes = fit_lanes(target, extent);
    const double vectors = static_cast<double>(divide_up(extent, lanes));
    const double cost = accesses(group, inner, lanes) * vectors / static_cast<double>(extent);
    if (least != 0 && cost >= least) continue;
    least = cost;
    best.inner = inner;
    best.lanes = lanes;
  }
  best.tile = tile_dimension(group, best);
  for (const int d : memory_order(value))
    if (d != best.tile && std::find(best.inner.begin(), best.inner.end(), d) == best.inner.end())
      best.outer.push_back(d);
  return best;
}

Group single_output(const Group& group, int output) {
  Group result = group;
  Graph body;
  const Graph& whole = group.body;
  for (graph::ValueId id = 0; id < static_cast<int>(whole.values().size()); ++id) {
    const Value& value = whole.value(id);
    if (id < static_cast<int>(body.values().size()))
      continue;  // a later output of a node added before
    if (value.producer < 0) {
      body.add_input(value.name, value.dtype, value.shape, value.rate, value.layout);
      continue;
    }
    const graph::Node& node = whole.node(value.producer);
    if (node.op == graph::Op::literal)
      body.add_literal(*node.literal);
    else
      body.add(node.op, node.inputs, node.attributes, node.origin);
    for (const graph::ValueId made : node.outputs) body.set_layout(made, whole.value(made).layout);
  }
  const graph::NamedValue& kept = whole.outputs()[output];
  body.add_output(kept.name, kept.value);
  result.body = std::move(body);
  result.outputs = {};
  if (!group.outputs.empty()) result.outputs.push_back(group.outputs[output]);
  return result;
}

bool has_one_shape(const Group& group) {
  const Shape& shape = first_output(group).shape;
  const auto& outputs = group.body.outputs();
  return std::all_of(outputs.begin(), outputs.end(), [&](const graph::NamedValue& o) {
    return group.body.value(o.value).shape == shape;
  });
}

}  // namespace tempera::lower
