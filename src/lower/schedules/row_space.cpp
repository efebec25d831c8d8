#include "lower/schedules/row_space.h"

#include <algorithm>

#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using kernel::Expr;
using kernel::Stmt;

namespace {

constexpr int64_t kChunk = 64;

// body(0) ... body(count - 1), with `after` after every chunk.
Stmt chunked(int64_t count, const std::function<Stmt(Expr)>& body,
             const std::function<Stmt()>& after) {
  const auto run = [&](const Expr& first, int64_t size) {
    Stmt loop = kernel::serial("i", number(size), [&](Expr i) { return body(first + i); });
    return after ? kernel::block({loop, after()}) : loop;
  };
  if (!after || count <= kChunk) return run(0, count);
  std::vector<Stmt> parts = {kernel::serial(
      "chunk", number(count / kChunk), [&](Expr c) { return run(c * number(kChunk), kChunk); })};
  if (count % kChunk != 0) parts.push_back(run(number(count / kChunk * kChunk), count % kChunk));
  return kernel::block(std::move(parts));
}

}  // namespace

RowSpace::RowSpace(const graph::Group& group, graph::ValueId value,
                   const std::vector<int64_t>& axes, const Target& target)
    : RowSpace(group.body.value(value).shape, memory_order(group.body.value(value)),
               innermost_dimension(group, value, static_cast<int>(target.lanes(4))), axes, target) {
}

RowSpace::RowSpace(Shape shape, const std::vector<int>& order, int vector,
                   const std::vector<int64_t>& axes, const Target& target)
    : shape_(std::move(shape)), vector_(vector) {
  if (vector_ >= 0) lanes_ = fit_lanes(target, shape_[vector_]);
  for (const int d : order) {
    const bool reduces = std::find(axes.begin(), axes.end(), d) != axes.end();
    if (reduces) length_ *= shape_[d];
    if (d == vector_)
      along_row_ = reduces;
    else
      (reduces ? reduced_ : kept_).push_back(d);
  }
}

Stmt RowSpace::each_row(int64_t block, const Body& body, kernel::Buffer scratch) const {
  const bool side_by_side = vector_ >= 0 && !along_row_;
  const int64_t vectors = side_by_side ? divide_up(shape_[vector_], lanes_) : 1;
  const int64_t rows = product(shape_, kept_) * vectors;
  const int64_t size = std::max<int64_t>(1, length_ * row_lanes());
  const int64_t rows_a_block = std::clamp<int64_t>(block / size, 1, std::max<int64_t>(rows, 1));
  return grid_blocks(
      "row", rows, rows_a_block,
      [&](Expr r) {
        const Expr row = vectors == 1 ? r : r / number(vectors);
        return let_spread(row, shape_, kept_, Index(shape_.size(), Expr(0)), [&](Index index) {
          if (!side_by_side) return body(index, {});
          const Expr first = vectors == 1 ? Expr(0) : r % number(vectors) * lanes_;
          index[vector_] = kernel::ramp(first, 1, lanes_);
          const bool whole = shape_[vector_] % lanes_ == 0;
          return body(index, whole ? Expr() : index[vector_] < number(shape_[vector_]));
        });
      },
      std::move(scratch));
}

Stmt RowSpace::each_element(const Index& row, Expr row_mask, const Body& body,
                            const std::function<Stmt()>& after) const {
  const size_t loops = along_row_ || reduced_.empty() ? reduced_.size() : reduced_.size() - 1;
  std::function<Stmt(size_t, Index)> nest = [&](size_t depth, Index index) -> Stmt {
    if (depth == loops) return innermost(index, row_mask, body, after);
    const int d = reduced_[depth];
    if (shape_[d] == 1) return nest(depth + 1, index);
    return kernel::serial("r" + std::to_string(d), number(shape_[d]), [&](Expr i) {
      index[d] = i;
      return nest(depth + 1, index);
    });
  };
  return nest(0, row);
}

Stmt RowSpace::innermost(const Index& row, const Expr& row_mask, const Body& body,
                         const std::function<Stmt()>& after) const {
  Index index = row;
  if (!along_row_) {
    if (reduced_.empty())
      return after ? kernel::block({body(index, row_mask), after()}) : body(index, row_mask);
    const int d = reduced_.back();
    return chunked(
        shape_[d],
        [&](Expr i) {
          index[d] = i;
          return body(index, row_mask);
        },
        after);
  }
  std::vector<Stmt> parts;
  const int64_t whole = shape_[vector_] / lanes_;
  const auto at = [&](const Expr& first, const Expr& mask) {
    index[vector_] = kernel::ramp(first, 1, lanes_);
    return body(index, mask);
  };
  if (whole > 0) parts.push_back(chunked(whole, [&](Expr i) { return at(i * lanes_, {}); }, after));
  if (const int64_t rest = shape_[vector_] % lanes_; rest != 0) {
    parts.push_back(at(number(whole * lanes_), kernel::ramp(0, 1, lanes_) < number(rest)));
    if (after) parts.push_back(after());
  }
  return kernel::block(std::move(parts));
}

}  // namespace tempera::lower
