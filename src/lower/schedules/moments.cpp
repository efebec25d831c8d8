#include "lower/schedules/moments.h"

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/schedules/row_moments.h"

namespace tempera::lower {

using graph::Group;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;

namespace {

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::moments;
}

std::vector<Config> space(const Group&, const Target&) {
  return choices("block", {4096, 16384, 1024});
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const graph::Node& node = group.body.node(group.anchor);
  const size_t rank = group.body.value(node.inputs[0]).shape.size();
  const DType result = group.body.value(node.outputs[0]).dtype;
  GroupAccess access(group);
  const RowSpace rows(group, node.inputs[0],
                      graph::positive_axes(graph::ints_attribute(node, "axes"), rank), target);
  const RowMoments moments{
      .rows = rows,
      .value = [&](const Index& index,
                   const Expr& mask) { return access.value_at(node.inputs[0], index, mask); },
      .finish =
          [&](const Index& row, const Expr& mask, const Expr& mean, const Expr& variance) {
            const Expr epsilon =
                kernel::constant(variance->type, graph::double_attribute(node, "epsilon"));
            const Expr rstd = call(kernel::Intrinsic::rsqrt, {variance + epsilon});
            return access.store_results(row, {cast(result, mean), cast(result, rstd)}, mask);
          }};
  const Stmt body = each_rows_moments(moments, config.at("block"));
  Program program;
  program.main.push_back(access.launch("moments", body));
  return program;
}

}  // namespace

const Schedule kMoments = {"moments", "mean and 1 / sqrt(variance + epsilon) over any axes",
                           accepts, space, build};

}  // namespace tempera::lower
