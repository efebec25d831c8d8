#include "lower/schedules/softmax.h"

#include <limits>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/row_space.h"

namespace tempera::lower {

using graph::Group;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

class Builder {
 public:
  Builder(const Group& group, const Target& target)
      : access_(group),
        node_(group.body.node(group.anchor)),
        axis_(graph::positive_axis(graph::int_attribute(node_, "axis"),
                                   group.body.value(node_.inputs[0]).shape.size())),
        rows_(group, node_.inputs[0], {axis_}, target),
        result_(group.body.value(node_.outputs[0]).dtype),
        type_{DType::f32, rows_.lanes()},
        row_type_{DType::f32, rows_.row_lanes()} {
    const int64_t size = rows_.row_length() * rows_.row_lanes();
    if (size * 4 <= target.workgroup_memory_bytes / 4)
      powers_ = kernel::make_buffer("powers", {DType::f32, 1}, kernel::Space::workgroup, size);
  }

  Launch build(int64_t block) {
    Stmt body = rows_.each_row(
        block, [&](const Index& row, const Expr& mask) { return one_row(row, mask); }, powers_);
    return access_.launch("softmax", std::move(body));
  }

 private:
  Expr value(const Index& index, const Expr& mask) {
    const Expr x = cast(DType::f32, access_.value_at(node_.inputs[0], index, mask));
    return x->type.lanes == type_.lanes ? x : kernel::broadcast(x, type_.lanes);
  }
  Expr wide(const Expr& x) const {
    return x->type.lanes == type_.lanes ? x : kernel::broadcast(x, type_.lanes);
  }
  Expr place(const Index& index) const {
    if (rows_.along_row()) return index[axis_];
    return kernel::ramp(index[axis_] * type_.lanes, 1, type_.lanes);
  }

  Stmt one_row(const Index& row, const Expr& mask) {
    // Where all of a row is -infinity, the lowest finite number as its largest gives zeros.
    const Expr lowest = kernel::constant(type_, std::numeric_limits<float>::lowest());
    const Expr none = kernel::constant(type_, -std::numeric_limits<double>::infinity());
    const Register best("best", type_);
    const Register largest("largest", row_type_);
    const Register scale("scale", row_type_);
    const Sum sum("sum", type_);
    Stmt find = rows_.each_element(row, mask, [&](const Index& index, const Expr& inside) {
      return best.set(max(masked(inside, value(index, inside), none), best.get()));
    });
    Stmt add = rows_.each_element(
        row, mask,
        [&](const Index& index, const Expr& inside) {
          return keep_power(sum, largest, index, inside);
        },
        [&] { return sum.carry(); });
    Stmt divide = rows_.each_element(row, mask, [&](const Index& index, const Expr& inside) {
      const Expr power = powers_ ? kernel::load(powers_, place(index), inside)
                                 : exponential(index, inside, largest);
      return access_.store_results(index, {cast(result_, power * wide(scale.get()))}, inside);
    });
    const auto across = [&](Intrinsic intrinsic, const Expr& x) {
      return rows_.along_row() ? across_lanes(intrinsic, x) : x;
    };
    const Expr total = across(Intrinsic::reduce_add, sum.get());
    const Expr zero = kernel::constant(row_type_, 0);
    const Expr inverse = select(total == zero, zero, kernel::constant(row_type_, 1) / total);
    return with_registers({best, largest, scale, sum.low, sum.high},
                          kernel::block({best.set(lowest), find,
                                         largest.set(across(Intrinsic::reduce_max, best.get())),
                                         sum.reset(), add, scale.set(inverse), divide}));
  }

  Expr exponential(const Index& index, const Expr& mask, const Register& largest) {
    return call(Intrinsic::exp, {value(index, mask) - wide(largest.get())});
  }

  Stmt keep_power(const Sum& sum, const Register& largest, const Index& index, const Expr& mask) {
    return kernel::let_in("power", exponential(index, mask, largest), [&](Expr power) {
      Stmt add = sum.add(masked(mask, power, kernel::constant(type_, 0)));
      return powers_ ? kernel::block({kernel::store(powers_, place(index), power, mask), add})
                     : add;
    });
  }

  GroupAccess access_;
  const graph::Node& node_;
  int64_t axis_;
  RowSpace rows_;
  DType result_;
  Type type_, row_type_;
  Buffer powers_;
};

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::softmax;
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

const Schedule kSoftmax = {"softmax", "softmax along any axis, exponentials computed once", accepts,
                           space, build};

}  // namespace tempera::lower
