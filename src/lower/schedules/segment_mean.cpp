#include "lower/schedules/segment_mean.h"

#include <algorithm>

#include "graph/attribute.h"
#include "lower/group_access.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;
using kernel::Type;

namespace {

constexpr int64_t kElementBytes = 4;  // sums and counts are f32

// Of x [..., n, width].
struct Geometry {
  Shape shape;
  int64_t n, width, segments, row;  // row: floats of a segment's sums, whole vectors
  int lanes;
};

Geometry geometry_of(const Group& group, const Target& target) {
  const graph::Node& node = group.body.node(group.anchor);
  const Shape& shape = group.body.value(node.inputs[0]).shape;
  const int lanes = fit_lanes(target, shape.back());
  return {.shape = shape,
          .n = shape[shape.size() - 2],
          .width = shape.back(),
          .segments = graph::int_attribute(node, "segments"),
          .row = divide_up(shape.back(), lanes) * lanes,
          .lanes = lanes};
}

class Builder {
 public:
  Builder(const Group& group, const Target& target, int64_t block)
      : access_(group),
        node_(group.body.node(group.anchor)),
        g_(geometry_of(group, target)),
        result_(group.body.value(node_.outputs[0]).dtype),
        block_(block),
        sums_(scratch("sums", block * g_.row)),
        counts_(scratch("counts", block)) {
    for (int d = 0; d + 2 < static_cast<int>(g_.shape.size()); ++d) leading_.push_back(d);
  }

  Launch build() {
    const int64_t blocks = divide_up(g_.segments, block_);
    Stmt body = kernel::grid("block", number(product(g_.shape, leading_) * blocks), [&](Expr g) {
      Stmt inner = let_spread(
          g / number(blocks), g_.shape, leading_, Index(g_.shape.size(), Expr(0)),
          [&](const Index& index) {
            const Expr first = g % number(blocks) * number(block_);
            return kernel::let_in("first", first, [&](Expr begin) {
              return kernel::block({clear(), collect(index, begin), finish(index, begin)});
            });
          });
      return kernel::allocate(sums_, kernel::allocate(counts_, std::move(inner)));
    });
    return access_.launch("segment_mean", std::move(body));
  }

 private:
  static Buffer scratch(const char* name, int64_t size) {
    return kernel::make_buffer(name, {DType::f32, 1}, kernel::Space::workgroup, size);
  }
  Expr places(const Expr& segment, const Expr& column) const {
    return segment * number(g_.row) + column;
  }

  Stmt clear() const {
    const Type vector{DType::f32, g_.lanes};
    return kernel::block(
        {kernel::serial("zero", number(block_),
                        [&](Expr j) { return kernel::store(counts_, j, kernel::f32(0)); }),
         vectors("clear", block_ * g_.row, g_.lanes, [&](const Expr& i, const Expr&) {
           return kernel::store(sums_, i, kernel::constant(vector, 0));
         })});
  }

  // Adds every row whose id is within the block.
  Stmt collect(const Index& index, const Expr& begin) {
    return kernel::serial("i", number(g_.n), [&](Expr i) {
      Index at = index;
      at[at.size() - 2] = i;
      const Index id_at(at.begin(), at.end() - 1);
      const Expr id = cast(DType::i32, access_.value_at(node_.inputs[1], id_at)) - begin;
      return kernel::let_in("segment", id, [&](Expr segment) {
        return kernel::branch(
            within(segment, block_),
            kernel::block(
                {kernel::store(counts_, segment, kernel::load(counts_, segment) + kernel::f32(1)),
                 add_row(at, segment)}));
      });
    });
  }

  Stmt add_row(const Index& row, const Expr& segment) {
    return vectors("c", g_.width, g_.lanes, [&](const Expr& column, const Expr& mask) {
      Index at = row;
      at.back() = column;
      const Expr x = cast(DType::f32, access_.value_at(node_.inputs[0], at, mask));
      const Expr place = kernel::ramp(places(segment, column->args[0]), 1, g_.lanes);
      const Expr wide = x->type.lanes == g_.lanes ? x : kernel::broadcast(x, g_.lanes);
      return kernel::store(sums_, place, kernel::load(sums_, place) + wide, mask);
    });
  }

  Stmt finish(const Index& index, const Expr& begin) {
    const Expr left = number(g_.segments) - begin;
    const Expr count =
        g_.segments % block_ == 0 ? number(block_) : kernel::min(number(block_), left);
    return kernel::serial("j", count, [&](Expr j) {
      const Expr scale = kernel::f32(1) / max(kernel::load(counts_, j), kernel::f32(1));
      return kernel::let_in("scale", scale, [&](Expr inverse) {
        return vectors("o", g_.width, g_.lanes, [&](const Expr& column, const Expr& mask) {
          Index at = index;
          at[at.size() - 2] = begin + j;
          at.back() = column;
          const Expr sum =
              kernel::load(sums_, kernel::ramp(places(j, column->args[0]), 1, g_.lanes));
          const Expr mean = sum * kernel::broadcast(inverse, g_.lanes);
          return access_.store_results(at, {cast(result_, mean)}, mask);
        });
      });
    });
  }

  GroupAccess access_;
  const graph::Node& node_;
  Geometry g_;
  DType result_;
  int64_t block_;
  Buffer sums_, counts_;
  std::vector<int> leading_;
};

int64_t scratch_bytes(const Geometry& g, int64_t block) {
  return block * (g.row + 1) * kElementBytes;
}

bool accepts(const Group& group, const Target& target) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::segment_mean &&
         scratch_bytes(geometry_of(group, target), 1) <= target.workgroup_memory_bytes;
}

std::vector<Config> space(const Group& group, const Target& target) {
  const Geometry g = geometry_of(group, target);
  std::vector<Config> configs;
  for (const int64_t block : {32, 128, 8, 1})
    if (scratch_bytes(g, block) <= target.workgroup_memory_bytes)
      configs.push_back({{{"block", std::min(block, g.segments)}}});
  return configs;
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  Program program;
  program.main.push_back(Builder(group, target, config.at("block")).build());
  return program;
}

}  // namespace

const Schedule kSegmentMean = {"segment_mean", "rows added to the sums of a block of segments",
                               accepts, space, build};

}  // namespace tempera::lower
