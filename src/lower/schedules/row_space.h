#pragma once

#include <functional>
#include <vector>

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

// A value seen as rows along the axes of a reduction, one row for each place of the kept
// dimensions, and the dimension that vectors run along: a reduced one (then a row ends with work
// across the lanes) or a kept one (then as many rows as lanes are done side by side).
class RowSpace {
 public:
  using Body = std::function<kernel::Stmt(const Index& index, kernel::Expr mask)>;

  RowSpace(const graph::Group& group, graph::ValueId value, const std::vector<int64_t>& axes,
           const Target& target);
  // The same of any shape whose dimensions lie in memory in this order; vectors run along
  // `vector`, or along none if that is -1.
  RowSpace(Shape shape, const std::vector<int>& order, int vector, const std::vector<int64_t>& axes,
           const Target& target);

  int lanes() const { return lanes_; }
  // Lanes of what is known of a row at its end.
  int row_lanes() const { return along_row_ ? 1 : lanes_; }
  bool along_row() const { return along_row_; }
  int64_t row_length() const { return length_; }

  // The grid: `body` for every row (or vector of rows), with 0 for the reduced dimensions; about
  // `block` elements an iteration. The mask is defined where a vector of rows may be partly
  // outside.
  kernel::Stmt each_row(int64_t block, const Body& body, kernel::Buffer scratch = nullptr) const;
  // The elements of a row in a fixed order; `after` is run after at most 64 vectors, so that sums
  // can be kept in two levels.
  kernel::Stmt each_element(const Index& row, kernel::Expr row_mask, const Body& body,
                            const std::function<kernel::Stmt()>& after = nullptr) const;

 private:
  kernel::Stmt innermost(const Index& index, const kernel::Expr& row_mask, const Body& body,
                         const std::function<kernel::Stmt()>& after) const;

  Shape shape_;
  std::vector<int> kept_, reduced_;  // without vector_
  int vector_ = -1;
  int lanes_ = 1;
  bool along_row_ = false;
  int64_t length_ = 1;
};

}  // namespace tempera::lower
