#include "lower/schedules/moments.h"

#include <algorithm>

#include "graph/attribute.h"
#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/channel_moments.h"
#include "lower/schedules/row_space.h"

namespace tempera::lower {

using graph::Group;
using kernel::Config;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

std::vector<int64_t> axes_of(const Group& group) {
  const graph::Node& node = group.body.node(group.anchor);
  return graph::positive_axes(graph::ints_attribute(node, "axes"),
                              group.body.value(node.inputs[0]).shape.size());
}

// Two passes over each row: its mean, then the deviations from it, whose own mean corrects the
// first's rounding.
class Builder {
 public:
  Builder(const Group& group, const Target& target)
      : access_(group),
        node_(group.body.node(group.anchor)),
        rows_(group, node_.inputs[0], axes_of(group), target),
        result_(group.body.value(node_.outputs[0]).dtype),
        type_{DType::f32, rows_.lanes()},
        row_type_{DType::f32, rows_.row_lanes()} {}

  Launch build(int64_t block) {
    Stmt body = rows_.each_row(
        block, [&](const Index& row, const Expr& mask) { return one_row(row, mask); });
    return access_.launch("moments", std::move(body));
  }

 private:
  Expr wide(const Expr& x) const {
    return x->type.lanes == type_.lanes ? x : kernel::broadcast(x, type_.lanes);
  }
  Expr value(const Index& index, const Expr& mask) {
    return wide(cast(DType::f32, access_.value_at(node_.inputs[0], index, mask)));
  }
  // The mean over the row of what a sum holds.
  Expr mean_of(const Sum& sum) const {
    const Expr total =
        rows_.along_row() ? across_lanes(Intrinsic::reduce_add, sum.get()) : sum.get();
    return total * kernel::constant(row_type_, 1.0 / static_cast<double>(rows_.row_length()));
  }

  Stmt one_row(const Index& row, const Expr& mask) {
    const Sum sum("sum", type_);
    const Sum square("square", type_);
    const Register mean("mean", row_type_);
    const Expr zero = kernel::constant(type_, 0);
    Stmt first = rows_.each_element(
        row, mask,
        [&](const Index& index, const Expr& inside) {
          return sum.add(masked(inside, value(index, inside), zero));
        },
        [&] { return sum.carry(); });
    Stmt second = rows_.each_element(
        row, mask,
        [&](const Index& index, const Expr& inside) {
          const Expr apart = masked(inside, value(index, inside) - wide(mean.get()), zero);
          return kernel::let_in("apart", apart, [&](Expr y) {
            return kernel::block({sum.add(y), square.add_square(y)});
          });
        },
        [&] { return kernel::block({sum.carry(), square.carry()}); });
    return with_registers(
        {sum.low, sum.high, square.low, square.high, mean},
        kernel::block({sum.reset(), first, mean.set(mean_of(sum)), sum.reset(), square.reset(),
                       second, finish(row, mask, mean, sum, square)}));
  }

  Stmt finish(const Index& row, const Expr& mask, const Register& mean, const Sum& sum,
              const Sum& square) {
    return kernel::let_in("correction", mean_of(sum), [&](Expr correction) {
      const Expr variance =
          max(mean_of(square) - correction * correction, kernel::constant(row_type_, 0));
      const Expr epsilon = kernel::constant(row_type_, graph::double_attribute(node_, "epsilon"));
      const Expr rstd = call(Intrinsic::rsqrt, {variance + epsilon});
      return access_.store_results(
          row, {cast(result_, mean.get() + correction), cast(result_, rstd)}, mask);
    });
  }

  GroupAccess access_;
  const graph::Node& node_;
  RowSpace rows_;
  DType result_;
  Type type_, row_type_;
};

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::moments;
}

// Blocks of about 64 KiB, at most 64 an image; images of few places are cut along the channels
// instead.
std::vector<Config> channel_space(const ChannelGroups& g) {
  const int64_t bytes = g.places * g.channels * 4;
  const int64_t blocks = std::clamp<int64_t>(std::min(bytes >> 16, g.places / 64), 1, 64);
  const int64_t parts = g.batch * blocks >= 16 ? 1 : divide_up(16, g.batch * blocks);
  std::vector<Config> configs;
  for (const auto& [b, p] :
       {std::pair{blocks, parts}, {blocks, int64_t{1}}, {divide_up(blocks, 4), parts}, {64, 4}}) {
    Config config{{{"blocks", b}, {"parts", p}}};
    if (std::find(configs.begin(), configs.end(), config) == configs.end())
      configs.push_back(std::move(config));
  }
  return configs;
}

std::vector<Config> space(const Group& group, const Target& target) {
  if (const auto groups = channel_groups(group, target)) return channel_space(*groups);
  std::vector<Config> configs;
  for (const int64_t block : {4096, 16384, 1024}) configs.push_back({{{"block", block}}});
  return configs;
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  if (const auto groups = channel_groups(group, target))
    return build_channel_moments(group, *groups, target, {config.at("blocks"), config.at("parts")});
  Program program;
  program.main.push_back(Builder(group, target).build(config.at("block")));
  return program;
}

}  // namespace

const Schedule kMoments = {"moments", "mean and 1 / sqrt(variance + epsilon) over any axes",
                           accepts, space, build};

}  // namespace tempera::lower
