#include "lower/schedules/rank.h"

#include <limits>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using graph::Group;
using kernel::BinaryOp;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;

namespace {

class Builder {
 public:
  Builder(const Group& group, const Target& target)
      : access_(group),
        node_(group.body.node(group.anchor)),
        shape_(group.body.value(node_.inputs[0]).shape),
        axis_(static_cast<int>(
            graph::positive_axis(graph::int_attribute(node_, "axis"), shape_.size()))),
        length_(shape_[axis_]),
        lanes_(fit_lanes(target, length_)),
        count_("count", {DType::i32, lanes_}) {
    for (int d = 0; d < static_cast<int>(shape_.size()); ++d)
      if (d != axis_) others_.push_back(d);
  }

  // An iteration ranks `vectors` vectors of one row.
  Launch build(int64_t vectors) {
    const int64_t rows = product(shape_, others_);
    const int64_t blocks = divide_up(divide_up(length_, lanes_), vectors);
    Stmt body = kernel::grid("block", number(rows * blocks), [&](Expr g) {
      return let_spread(g / number(blocks), shape_, others_, Index(shape_.size(), Expr(0)),
                        [&](const Index& row) {
                          return kernel::serial("v", number(vectors), [&](Expr v) {
                            return one_vector(row,
                                              (g % number(blocks) * number(vectors) + v) * lanes_);
                          });
                        });
    });
    return access_.launch("rank", std::move(body));
  }

 private:
  // The element at `place` of the row, as a number that compares with every other.
  Expr key(Index row, const Expr& place, const Expr& mask) {
    row[axis_] = place;
    const Expr x = access_.value_at(node_.inputs[0], row, mask);
    if (!is_float(x->type.dtype)) return x;
    const Expr wide = x->type.dtype == DType::f64 ? x : cast(DType::f32, x);
    const double lowest = -std::numeric_limits<double>::infinity();
    return select(kernel::binary(BinaryOp::ne, wide, wide), kernel::constant(wide->type, lowest),
                  wide);
  }

  Stmt one_vector(const Index& row, const Expr& first) {
    return kernel::let_in("first", first, [&](Expr begin) {
      const Expr place = kernel::ramp(begin, 1, lanes_);
      const Expr mask = length_ % lanes_ == 0 ? Expr() : place < number(length_);
      return kernel::branch(begin < number(length_),
                            kernel::let_in(
                                "own", key(row, place, mask),
                                [&](Expr own) { return ranked(row, begin, own, mask); }));
    });
  }

  // Before the vector an equal element comes first, behind it it does not.
  Stmt ranked(const Index& row, const Expr& begin, const Expr& own, const Expr& mask) {
    const auto count = [&](const char* name, const Expr& from, const Expr& extent, auto precedes) {
      return kernel::for_each(kernel::LoopKind::serial, name, from, extent, [&](Expr j) {
        return kernel::let_in("other", kernel::broadcast(key(row, j, {}), lanes_), [&](Expr other) {
          const Expr one = kernel::constant_int(count_.type(), 1);
          const Expr zero = kernel::constant_int(count_.type(), 0);
          return count_.set(count_.get() + select(precedes(j, other), one, zero));
        });
      });
    };
    const auto larger = [&](const Expr&, const Expr& other) { return own < other; };
    const auto not_smaller = [&](const Expr&, const Expr& other) { return own <= other; };
    const auto before = [&](const Expr& j, const Expr& other) {
      const Expr place = kernel::ramp(begin, 1, lanes_);
      const Expr earlier = kernel::broadcast(j, lanes_) < place;
      return kernel::binary(BinaryOp::bit_or, own < other, own == other && earlier);
    };
    return kernel::let_in(
        "inside", kernel::min(number(lanes_), number(length_) - begin), [&](Expr inside) {
          Index place = row;
          place[axis_] = kernel::ramp(begin, 1, lanes_);
          return with_registers(
              {count_},
              kernel::block({count_.set(kernel::constant_int(count_.type(), 0)),
                             count("i", 0, begin, not_smaller), count("j", begin, inside, before),
                             count("k", begin + inside, number(length_) - begin - inside, larger),
                             access_.store_results(place, {count_.get()}, mask)}));
        });
  }

  GroupAccess access_;
  const graph::Node& node_;
  Shape shape_;
  int axis_;
  int64_t length_;
  int lanes_;
  std::vector<int> others_;
  Register count_;
};

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::rank;
}

std::vector<Config> space(const Group&, const Target&) { return choices("vectors", {16, 4, 64}); }

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  Program program;
  program.main.push_back(Builder(group, target).build(config.at("vectors")));
  return program;
}

}  // namespace

const Schedule kRank = {"rank", "each element counts those before it", accepts, space, build};

}  // namespace tempera::lower
