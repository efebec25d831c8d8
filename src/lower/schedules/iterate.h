#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/shape.h"
#include "base/target.h"
#include "kernel/kernel.h"
#include "kernel/stmt.h"

namespace tempera::lower {

// Loops over index spaces, as the schedules need them.

using Index = std::vector<kernel::Expr>;

inline kernel::Expr number(int64_t value) { return static_cast<int>(value); }
inline kernel::Expr within(const kernel::Expr& index, int64_t extent) {  // 0 <= index < extent
  return kernel::Expr(-1) < index && index < number(extent);
}
// Which of a vector's indices are below `extent`; undefined, for all, where `extent` is whole steps
// and so are the vectors.
kernel::Expr mask_below(const kernel::Expr& indices, int64_t extent, int64_t step);
inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// f32 lanes of the target, but no more than the power of two that holds `extent`.
int fit_lanes(const Target& target, int64_t extent);

// A space of one decision, best guess first.
std::vector<kernel::Config> choices(const std::string& name, const std::vector<int64_t>& values);

// Runs `body` on all of [0, extent) in vectors: their index is a ramp (a scalar for one lane), the
// mask is defined for the last one if it is not full.
using VectorBody = std::function<kernel::Stmt(kernel::Expr index, kernel::Expr mask)>;
kernel::Stmt vectors(const std::string& name, int64_t extent, int lanes, const VectorBody& body);

// The digits of `flat` in the extents of `dims` (the last is the fastest), written to
// index[dims[i]].
void spread(kernel::Expr flat, const Shape& shape, const std::vector<int>& dims, Index& index);
// The same, each digit bound to a name for the body.
kernel::Stmt let_spread(kernel::Expr flat, const Shape& shape, const std::vector<int>& dims,
                        Index index, const std::function<kernel::Stmt(const Index&)>& body);

// grid iterations of `block` consecutive values of [0, extent) each; `scratch` is allocated in
// each, if given.
kernel::Stmt grid_blocks(const std::string& name, int64_t extent, int64_t block,
                         const std::function<kernel::Stmt(kernel::Expr)>& body,
                         kernel::Buffer scratch = nullptr);

// The product of some of a shape's extents.
int64_t product(const Shape& shape, const std::vector<int>& dims);

}  // namespace tempera::lower
