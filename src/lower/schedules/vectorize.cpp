#include "lower/schedules/vectorize.h"

#include <numeric>
#include <unordered_set>

namespace tempera::lower {

using kernel::Expr;
using kernel::ExprKind;

namespace {

void count(const Expr& e, std::unordered_set<const kernel::ExprNode*>& seen, LoadCounts& counts) {
  if (!seen.insert(e.get()).second) return;
  for (const Expr& arg : e->args) count(arg, seen, counts);
  if (e->kind != ExprKind::load) return;
  const Expr& index = e->args[0];
  if (index->type.is_scalar() || index->kind == ExprKind::broadcast)
    ++counts.uniform;
  else if (index->kind == ExprKind::ramp && kernel::is_constant(index->args[1], 1))
    ++counts.contiguous;
  else
    ++counts.scattered;
}

}  // namespace

LoadCounts count_loads(const Expr& e) {
  LoadCounts counts;
  std::unordered_set<const kernel::ExprNode*> seen;
  count(e, seen, counts);
  return counts;
}

LoadCounts loads_along(const graph::Group& group, graph::ValueId value, int dimension, int lanes) {
  const Shape& shape = group.body.value(value).shape;
  GroupAccess access(group);
  GroupAccess::Index index;
  for (size_t d = 0; d < shape.size(); ++d)
    index.push_back(shape[d] == 1 ? Expr(0) : kernel::variable("d" + std::to_string(d)));
  index[dimension] = kernel::ramp(kernel::variable("v") * lanes, 1, lanes);
  return count_loads(access.value_at(value, index));
}

bool is_contiguous_along(const graph::Group& group, graph::ValueId value, int dimension,
                         int lanes) {
  const LoadCounts counts = loads_along(group, value, dimension, lanes);
  return counts.contiguous > 0 && counts.scattered == 0;
}

int innermost_dimension(const graph::Group& group, graph::ValueId value, int lanes) {
  const Shape& shape = group.body.value(value).shape;
  int best = -1;
  for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
    if (shape[d] == 1 || !is_contiguous_along(group, value, d, lanes)) continue;
    if (best < 0 || shape[d] >= shape[best]) best = d;
  }
  return best;
}

std::vector<int> memory_order(const graph::Value& value) {
  if (!value.layout.order.empty()) return value.layout.order;
  std::vector<int> order(value.shape.size());
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace tempera::lower
