#include "lower/schedules/reduce.h"

#include <limits>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/row_space.h"

namespace tempera::lower {

using graph::Group;
using graph::Node;
using graph::Op;
using kernel::BinaryOp;
using kernel::Config;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

// What a row becomes, and how.
struct Reduction {
  const Node& node;
  graph::ValueId operand, output;
  std::vector<int64_t> axes;
};

Reduction reduction_of(const Group& group) {
  const Node& node = group.body.node(group.anchor);
  const size_t rank = group.body.value(node.inputs[0]).shape.size();
  const std::vector<int64_t> axes =
      node.op == Op::argmax
          ? std::vector<int64_t>{graph::positive_axis(graph::int_attribute(node, "axis"), rank)}
          : graph::positive_axes(graph::ints_attribute(node, "axes"), rank);
  return {node, node.inputs[0], node.outputs[0], axes};
}

double lowest(DType dtype) {
  switch (dtype) {
    case DType::i64:
      return static_cast<double>(std::numeric_limits<int64_t>::min());
    case DType::i32:
      return std::numeric_limits<int32_t>::min();
    case DType::i8:
      return -128;
    case DType::u8:
      return 0;
    default:
      return -std::numeric_limits<double>::infinity();
  }
}

int64_t highest_integer(DType dtype) {
  switch (dtype) {
    case DType::i64:
      return std::numeric_limits<int64_t>::max();
    case DType::i32:
      return std::numeric_limits<int32_t>::max();
    case DType::i8:
      return 127;
    default:
      return 255;
  }
}

Expr highest(Type type) {
  return is_float(type.dtype) ? kernel::constant(type, std::numeric_limits<double>::infinity())
                              : kernel::constant_int(type, highest_integer(type.dtype));
}

bool is_sum(Op op) { return op == Op::reduce_sum || op == Op::reduce_mean; }

// Sums are kept in f32 (f64 for f64) or i64; extrema in f32 or the integer's own dtype.
DType working_dtype(Op op, DType dtype) {
  if (is_float(dtype)) return dtype == DType::f64 ? dtype : DType::f32;
  return is_sum(op) ? DType::i64 : dtype;
}

Expr is_nan(const Expr& x) { return kernel::binary(BinaryOp::ne, x, x); }

// A NaN wins, and stays.
Expr extreme(bool largest, const Expr& a, const Expr& b) {
  const Expr best = largest ? max(a, b) : min(a, b);
  return is_float(a->type.dtype) ? select(is_nan(a), a, best) : best;
}

Expr extreme_of_lanes(bool largest, const Expr& x) {
  if (x->type.is_scalar()) return x;
  const Expr best = call(largest ? Intrinsic::reduce_max : Intrinsic::reduce_min, {x});
  if (!is_float(x->type.dtype)) return best;
  const Expr one = kernel::constant(x->type, 1);
  const Expr nans =
      call(Intrinsic::reduce_max, {select(is_nan(x), one, kernel::constant(x->type, 0))});
  const Expr nan = kernel::constant(best->type, std::numeric_limits<double>::quiet_NaN());
  return select(nans == kernel::constant(best->type, 1), nan, best);
}

class Builder {
 public:
  Builder(const Group& group, const Target& target)
      : access_(group),
        reduction_(reduction_of(group)),
        rows_(group, reduction_.operand, reduction_.axes, target),
        output_(group.body.value(reduction_.output)) {
    const DType dtype = group.body.value(reduction_.operand).dtype;
    type_ = {working_dtype(reduction_.node.op, dtype), rows_.lanes()};
  }

  Launch build(int64_t block) {
    Stmt body = rows_.each_row(block, [&](const Index& row, const Expr& mask) {
      if (is_sum(reduction_.node.op)) return sum(row, mask);
      return reduction_.node.op == Op::argmax ? argmax(row, mask) : extremum(row, mask);
    });
    return access_.launch("reduce", std::move(body));
  }

 private:
  Expr value(const Index& index, const Expr& mask) {
    const Expr x = cast(type_.dtype, access_.value_at(reduction_.operand, index, mask));
    return x->type.lanes == type_.lanes ? x : kernel::broadcast(x, type_.lanes);
  }

  Stmt finish(const Index& row, const Expr& result, const Expr& mask) {
    Index index;
    const bool keep = graph::int_attribute(reduction_.node, "keepdims") != 0;
    for (size_t d = 0; d < row.size(); ++d) {
      const bool reduced =
          std::find(reduction_.axes.begin(), reduction_.axes.end(), d) != reduction_.axes.end();
      if (!reduced || keep) index.push_back(reduced ? Expr(0) : row[d]);
    }
    return access_.store_results(index, {cast(output_.dtype, result)}, mask);
  }

  Stmt sum(const Index& row, const Expr& mask) {
    const Sum total("sum", type_);
    Stmt loop = rows_.each_element(
        row, mask,
        [&](const Index& index, const Expr& inside) {
          return total.add(masked(inside, value(index, inside), kernel::constant(type_, 0)));
        },
        [&] { return total.carry(); });
    Expr result = total.get();
    if (rows_.along_row()) result = across_lanes(Intrinsic::reduce_add, result);
    if (reduction_.node.op == Op::reduce_mean)
      result = result / kernel::constant(result->type, static_cast<double>(rows_.row_length()));
    return with_registers({total.low, total.high},
                          kernel::block({total.reset(), loop, finish(row, result, mask)}));
  }

  Stmt extremum(const Index& row, const Expr& mask) {
    const bool largest = reduction_.node.op == Op::reduce_max;
    const Expr neutral = largest ? start() : highest(type_);
    const Register best("best", type_);
    Stmt loop = rows_.each_element(row, mask, [&](const Index& index, const Expr& inside) {
      return best.set(extreme(largest, best.get(), masked(inside, value(index, inside), neutral)));
    });
    const Expr result = rows_.along_row() ? extreme_of_lanes(largest, best.get()) : best.get();
    return with_registers({best},
                          kernel::block({best.set(neutral), loop, finish(row, result, mask)}));
  }

  Expr start() const {
    if (type_.dtype == DType::i64)
      return kernel::constant_int(type_, std::numeric_limits<int64_t>::min());
    return kernel::constant(type_, lowest(type_.dtype));
  }

  // Each lane keeps its first largest; of equal lanes the one with the smallest index is taken.
  Stmt argmax(const Index& row, const Expr& mask) {
    const Type place{DType::i32, type_.lanes};
    const Register best("best", type_);
    const Register at("at", place);
    const int64_t axis = reduction_.axes[0];
    Stmt loop = rows_.each_element(row, mask, [&](const Index& index, const Expr& inside) {
      const Expr position = index[axis]->type.lanes == place.lanes
                                ? index[axis]
                                : kernel::broadcast(index[axis], place.lanes);
      const Expr x = masked(inside, value(index, inside), start());
      return kernel::let_in("x", x, [&](Expr v) {
        return kernel::let_in("better", best.get() < v, [&](Expr better) {
          return kernel::block({best.set(select(better, v, best.get())),
                                at.set(select(better, position, at.get()))});
        });
      });
    });
    return with_registers(
        {best, at}, kernel::block({best.set(start()), at.set(kernel::constant_int(place, 0)), loop,
                                   finish(row, winner(best.get(), at.get()), mask)}));
  }

  Expr winner(const Expr& best, const Expr& at) const {
    if (!rows_.along_row() || type_.lanes == 1) return at;
    const Expr largest = kernel::broadcast(call(Intrinsic::reduce_max, {best}), type_.lanes);
    return call(Intrinsic::reduce_min, {select(best == largest, at, highest(at->type))});
  }

  GroupAccess access_;
  Reduction reduction_;
  RowSpace rows_;
  graph::Value output_;
  Type type_;
};

bool accepts(const Group& group, const Target&) {
  if (group.anchor < 0) return false;
  const Op op = group.body.node(group.anchor).op;
  return is_sum(op) || op == Op::reduce_max || op == Op::reduce_min || op == Op::argmax;
}

std::vector<Config> space(const Group&, const Target&) {
  return choices("block", {4096, 16384, 1024});
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  Program program;
  program.main.push_back(Builder(group, target).build(config.at("block")));
  return program;
}

}  // namespace

const Schedule kReduce = {"reduce", "sum, mean, largest, smallest or argmax over any axes", accepts,
                          space, build};

}  // namespace tempera::lower
