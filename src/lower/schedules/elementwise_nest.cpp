#include "lower/schedules/elementwise_nest.h"

#include <algorithm>
#include <numeric>

#include "lower/group_access.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using kernel::Expr;
using kernel::Stmt;

namespace {

// Part of the outputs' index space.
struct Box {
  std::vector<int64_t> begin;
  Shape extent;
};

Box whole(const Shape& shape) { return {std::vector<int64_t>(shape.size(), 0), shape}; }

std::vector<Box> split(const Box& box, const Pieces& pieces) {
  if (pieces.dimension < 0) return {box};
  std::vector<Box> result;
  int64_t begin = box.begin[pieces.dimension];
  for (const int64_t extent : pieces.extents) {
    Box piece = box;
    piece.begin[pieces.dimension] = begin;
    piece.extent[pieces.dimension] = extent;
    begin += extent;
    if (extent > 0) result.push_back(std::move(piece));
  }
  return result;
}

class Nest {
 public:
  Nest(const Group& group, const Walk& walk, const NestOptions& options, GroupAccess& access)
      : group_(group), walk_(walk), options_(options), access_(access) {}

  // `row_pieces` are done one after another for each row: they split one of the inner dimensions of
  // `box`.
  Stmt over(const Box& box, const std::vector<Box>& row_pieces) {
    if (walk_.tile >= 0) return tiled(box);
    const int64_t row = product(box.extent, walk_.inner);
    if (row > 2 * options_.block && row_pieces.size() == 1) return by_parts_of_rows(box, row);
    const int64_t rows = product(box.extent, walk_.outer);
    const int64_t block = std::clamp<int64_t>(options_.block / std::max<int64_t>(row, 1), 1,
                                              std::max<int64_t>(rows, 1));
    return grid_blocks("row", rows, block, [&](Expr r) {
      return let_spread(r, box.extent, walk_.outer, start(box), [&](const Index& index) {
        std::vector<Stmt> parts;
        for (const Box& piece : row_pieces) parts.push_back(row_of(piece, index));
        return kernel::block(std::move(parts));
      });
    });
  }

 private:
  static Index start(const Box& box) { return Index(box.extent.size(), Expr(0)); }

  // `index` is relative to the box; `flat` counts the elements of its inner dimensions.
  Stmt place(const Box& box, Index index, const Expr& flat, const Expr& mask) {
    spread(flat, box.extent, walk_.inner, index);
    for (size_t d = 0; d < index.size(); ++d)
      if (box.begin[d] != 0) index[d] = index[d] + number(box.begin[d]);
    return access_.store_outputs(index, mask);
  }

  Stmt row_of(const Box& box, const Index& index) {
    return vectors(
        "v", product(box.extent, walk_.inner), walk_.lanes,
        [&](const Expr& flat, const Expr& mask) { return place(box, index, flat, mask); });
  }

  Stmt by_parts_of_rows(const Box& box, int64_t row) {
    const int64_t part = std::max<int64_t>(options_.block / walk_.lanes, 1);  // vectors
    const int64_t count = divide_up(row, walk_.lanes);
    const Expr rows = number(product(box.extent, walk_.outer));
    return kernel::grid("row", rows, [&](Expr r) {
      return grid_blocks("v", count, part, [&](Expr v) {
        return let_spread(r, box.extent, walk_.outer, start(box), [&](const Index& index) {
          const Expr flat = kernel::ramp(v * walk_.lanes, 1, walk_.lanes);
          return place(box, index, flat, row % walk_.lanes == 0 ? Expr() : flat < number(row));
        });
      });
    });
  }

  Stmt tiled(const Box& box) {
    const int64_t row = product(box.extent, walk_.inner);
    const int64_t count = divide_up(row, walk_.lanes);
    const Expr others = number(product(box.extent, walk_.outer));
    return kernel::grid("other", others, [&](Expr other) {
      return kernel::grid("v", number(count), [&](Expr v) {
        return grid_blocks("tile", box.extent[walk_.tile], options_.tile, [&](Expr t) {
          return let_spread(other, box.extent, walk_.outer, start(box), [&](Index index) {
            index[walk_.tile] = t;
            const Expr flat = kernel::ramp(v * walk_.lanes, 1, walk_.lanes);
            return place(box, index, flat, row % walk_.lanes == 0 ? Expr() : flat < number(row));
          });
        });
      });
    });
  }

  const Group& group_;
  const Walk& walk_;
  const NestOptions& options_;
  GroupAccess& access_;
};

void add_launches(const Group& group, const Target& target, const NestOptions& options,
                  const char* name, Program& program) {
  const Shape& shape = group.body.value(group.body.outputs()[0].value).shape;
  const Walk walk = choose_walk(group, target);
  const int d = options.pieces.dimension;
  const bool within_rows =
      walk.tile < 0 && std::find(walk.inner.begin(), walk.inner.end(), d) != walk.inner.end();
  const std::vector<Box> pieces = split(whole(shape), options.pieces);
  const std::vector<Box> boxes = within_rows ? std::vector<Box>{whole(shape)} : pieces;
  for (const Box& box : boxes) {
    GroupAccess access(group);
    Stmt body =
        Nest(group, walk, options, access).over(box, within_rows ? pieces : std::vector<Box>{box});
    program.main.push_back(access.launch(name, std::move(body)));
    if (boxes.size() == 1) program.in_place = access.in_place();
  }
}

}  // namespace

Program build_elementwise_nest(const Group& group, const Target& target, const NestOptions& options,
                               const char* name) {
  Program program;
  if (has_one_shape(group)) {
    add_launches(group, target, options, name, program);
    return program;
  }
  for (int o = 0; o < static_cast<int>(group.body.outputs().size()); ++o) {
    const size_t first = program.main.size();
    add_launches(single_output(group, o), target, options, name, program);
    for (size_t i = first; i < program.main.size(); ++i)
      for (Operand& operand : program.main[i].operands)
        if (operand.kind == Operand::Kind::output) operand.index = o;
  }
  program.in_place.clear();  // a later launch may read what an earlier one would have overwritten
  return program;
}

}  // namespace tempera::lower
