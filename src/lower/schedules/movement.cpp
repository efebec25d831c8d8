#include "lower/schedules/movement.h"

#include <algorithm>
#include <set>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/schedules/elementwise_nest.h"

namespace tempera::lower {

using graph::Group;
using graph::Node;
using graph::Op;
using graph::OpClass;
using kernel::Config;

namespace {

// True if every use of a node's result inside the group keeps its elements at their index.
bool only_elementwise_after(const Group& group, const Node& node) {
  const Shape& shape = group.body.value(node.outputs[0]).shape;
  std::set<graph::ValueId> reached = {node.outputs[0]};
  for (const Node& user : group.body.nodes()) {
    const bool reads = std::any_of(user.inputs.begin(), user.inputs.end(),
                                   [&](graph::ValueId v) { return reached.contains(v); });
    if (!reads) continue;
    const graph::ValueId result = user.outputs[0];
    if (row(user.op).op_class != OpClass::elementwise || group.body.value(result).shape != shape)
      return false;
    reached.insert(result);
  }
  return true;
}

// The operands of the group's concat, if its output index is that of the group's outputs.
Pieces pieces_of(const Group& group) {
  const Shape& shape = group.body.value(group.body.outputs()[0].value).shape;
  for (const Node& node : group.body.nodes()) {
    if (node.op != Op::concat || group.body.value(node.outputs[0]).shape != shape) continue;
    if (!only_elementwise_after(group, node)) continue;
    const int64_t axis = graph::positive_axis(graph::int_attribute(node, "axis"), shape.size());
    Pieces pieces{static_cast<int>(axis), {}};
    for (const graph::ValueId input : node.inputs)
      pieces.extents.push_back(group.body.value(input).shape[axis]);
    return pieces;
  }
  return {};
}

bool accepts(const Group& group, const Target& target) {
  if (group.anchor >= 0 || group.body.outputs().empty()) return false;
  if (!has_one_shape(group)) return true;
  return pieces_of(group).dimension >= 0 || choose_walk(group, target).tile >= 0;
}

std::vector<Config> space(const Group&, const Target&) {
  std::vector<Config> configs;
  for (const int64_t block : {8192, 2048, 32768})
    for (const int64_t tile : {32, 16, 64}) configs.push_back({{{"block", block}, {"tile", tile}}});
  return configs;
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  NestOptions options{.block = config.at("block"), .tile = config.at("tile")};
  if (has_one_shape(group)) options.pieces = pieces_of(group);
  return build_elementwise_nest(group, target, options, "movement");
}

}  // namespace

const Schedule kMovement = {"movement", "concat, split and transposes, tiled where sides differ",
                            accepts, space, build};

}  // namespace tempera::lower
