#pragma once

#include <functional>

#include "lower/group_access.h"
#include "lower/schedules/contraction_geometry.h"

namespace tempera::lower {

// The moments in a matmul's prologue (see FuseRules::takes_row_moments): of rows that the matmul
// stages anyway, so that its kernel makes them first, in scratch, f32: [pixel][node][mean, rstd].
class RowStatistics {
 public:
  RowStatistics(const graph::Group& group, const ContractionGeometry& g, int lanes);

  bool empty() const { return nodes_.empty(); }
  // Elements of scratch a pixel.
  int64_t size() const { return 2 * static_cast<int64_t>(nodes_.size()); }

  // Computes those of one pixel, whose channels have the index that `row` gives. Two passes over
  // the row, the second about the mean of the first: no difference of large sums is taken.
  kernel::Stmt compute(GroupAccess& access, const kernel::Buffer& scratch,
                       const kernel::Expr& pixel,
                       const std::function<Index(const kernel::Expr& channels)>& row) const;
  // `body` with those of the pixel known to `access`.
  kernel::Stmt defined(GroupAccess& access, const kernel::Buffer& scratch,
                       const kernel::Expr& pixel, const std::function<kernel::Stmt()>& body) const;

 private:
  const graph::Graph& body_;
  std::vector<graph::NodeId> nodes_;
  int64_t channels_;
  int lanes_;
};

}  // namespace tempera::lower
