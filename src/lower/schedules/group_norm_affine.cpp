#include "lower/schedules/group_norm_affine.h"

#include "graph/attribute.h"
#include "lower/group_access.h"
#include "lower/schedules/group_norm_channels.h"
#include "lower/schedules/row_moments.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;

namespace {

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::group_norm_affine;
}

std::vector<Config> space(const Group& group, const Target& target) {
  if (has_channels_innermost(group, target)) return channels_space(group, target);
  return choices("block", {4096, 16384});
}

// x [n, c, places...] as rows over [c / groups, places...] of [n, groups, c / groups, places...].
RowSpace group_rows(const Group& group, const ChannelGroups& g, const Target& target) {
  const graph::ValueId x = group.body.node(group.anchor).inputs[0];
  Shape shape{g.batch, g.groups, g.size()};
  shape.insert(shape.end(), g.place_shape.begin(), g.place_shape.end());
  std::vector<int> order;
  for (const int d : memory_order(group.body.value(x))) {
    if (d == 1) order.push_back(1);
    order.push_back(d == 0 ? 0 : d + 1);
  }
  const int vector = innermost_dimension(group, x, static_cast<int>(target.lanes(4)));
  std::vector<int64_t> axes;
  for (size_t d = 2; d < shape.size(); ++d) axes.push_back(static_cast<int64_t>(d));
  return {shape, order, vector > 0 ? vector + 1 : vector, axes, target};
}

Launch by_rows(const Group& group, const Target& target, int64_t block) {
  const graph::Node& node = group.body.node(group.anchor);
  const DType result = group.body.value(node.outputs[0]).dtype;
  const ChannelGroups g = channel_groups(group);
  const RowSpace rows = group_rows(group, g, target);
  GroupAccess access(group);
  // An index of the rows' space without its groups: one of x, or of the results.
  const auto merged = [&](const Index& index, const Expr& member) {
    Index whole = {index[0], index[1] * number(g.size()) + member};
    whole.insert(whole.end(), index.begin() + 3, index.end());
    return whole;
  };
  const auto affine = [&](const Index& row, const Expr& mask, const Expr& mean, const Expr& rstd) {
    return kernel::serial("member", number(g.size()), [&](const Expr& member) {
      const Index at = merged(row, member);
      const auto weight = [&](int input) {
        return cast(DType::f32, access.value_at(node.inputs[input], {at[1]}));
      };
      return kernel::let_in("factor", rstd * weight(1), [&](const Expr& factor) {
        const Expr term = weight(2) - mean * factor;
        return access.store_results(at, {cast(result, factor), cast(result, term)}, mask);
      });
    });
  };
  const RowMoments moments{.rows = rows,
                           .epsilon = graph::double_attribute(node, "epsilon"),
                           .value =
                               [&](const Index& index, const Expr& mask) {
                                 return access.value_at(node.inputs[0], merged(index, index[2]),
                                                        mask);
                               },
                           .finish = affine};
  const Stmt body = each_rows_moments(moments, block);
  return access.launch("group_norm_affine", body);
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  if (has_channels_innermost(group, target))
    return build_group_norm_channels(group, target, config);
  Program program;
  program.main.push_back(by_rows(group, target, config.at("block")));
  return program;
}

}  // namespace

const Schedule kGroupNormAffine = {"group_norm_affine",
                                   "group norm's factor and term for each channel of an image",
                                   accepts, space, build};

}  // namespace tempera::lower
