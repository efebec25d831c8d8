#include "lower/schedules/row_statistics.h"

#include <algorithm>

#include "graph/attribute.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

namespace {

constexpr int64_t kChains = 4;  // sums side by side: an addition takes about as many cycles

// One node's moments of one row.
struct RowMean {
  GroupAccess& access;
  const graph::Node& node;
  const std::function<Index(const Expr& channels)>& row;
  int64_t channels;
  Type type;

  const int64_t vectors = divide_up(channels, type.lanes);
  const int64_t chains = std::min(kChains, vectors);
  const Buffer sum = kernel::make_buffer("sum", type, kernel::Space::registers, chains);
  const Buffer square = kernel::make_buffer("square", type, kernel::Space::registers, chains);

  Stmt reset(const Buffer& buffer) const {
    return kernel::unrolled("chain", chains, [&](const Expr& c) {
      return kernel::store(buffer, c, kernel::constant(type, 0));
    });
  }
  static Stmt add(const Buffer& buffer, int64_t chain, const Expr& x) {
    const Expr at = number(chain);
    return kernel::store(buffer, at, kernel::load(buffer, at) + x);
  }
  // The mean over the row of what the chains hold.
  Expr mean_of(const Buffer& buffer) const {
    Expr total = kernel::load(buffer, 0);
    for (int64_t c = 1; c < chains; ++c) total = total + kernel::load(buffer, number(c));
    return across_lanes(Intrinsic::reduce_add, total) *
           kernel::f32(1.0 / static_cast<double>(channels));
  }

  // body(chain, x) for every vector x of the row, less `center` and 0 past its end.
  Stmt each(const Expr& center, const std::function<Stmt(int64_t, const Expr&)>& body) const {
    const auto vector = [&](const Expr& first, int64_t chain, const Expr& mask) {
      const Expr at = kernel::ramp(first, 1, type.lanes);
      Expr x = filled(access.value_at(node.inputs[0], row(at), mask), type, {});
      if (center.defined()) x = x - kernel::broadcast(center, type.lanes);
      return kernel::let_in("x", masked(mask, x, kernel::constant(type, 0)),
                            [&](const Expr& e) { return body(chain, e); });
    };
    const int64_t step = chains * type.lanes, whole = channels / step * step;
    std::vector<Stmt> parts;
    if (whole > 0)
      parts.push_back(kernel::serial("step", number(channels / step), [&](const Expr& i) {
        std::vector<Stmt> side_by_side;
        for (int64_t c = 0; c < chains; ++c)
          side_by_side.push_back(vector(i * number(step) + number(c * type.lanes), c, {}));
        return kernel::block(std::move(side_by_side));
      }));
    for (int64_t first = whole, c = 0; first < channels; first += type.lanes, ++c) {
      const int64_t left = channels - first;
      const Expr mask = left >= type.lanes ? Expr() : kernel::ramp(0, 1, type.lanes) < number(left);
      parts.push_back(vector(number(first), c, mask));
    }
    return kernel::block(std::move(parts));
  }

  Stmt compute(const std::function<Stmt(const Expr& mean, const Expr& rstd)>& finish) const {
    const Stmt first = each({}, [&](int64_t c, const Expr& x) { return add(sum, c, x); });
    const Stmt second = kernel::let_in("center", mean_of(sum), [&](const Expr& center) {
      const Stmt deviations = each(center, [&](int64_t c, const Expr& x) {
        const Expr at = number(c);
        return kernel::block(
            {add(sum, c, x), kernel::store(square, at, fma(x, x, kernel::load(square, at)))});
      });
      const Stmt result = kernel::let_in("correction", mean_of(sum), [&](const Expr& correction) {
        const Expr variance = max(mean_of(square) - correction * correction, kernel::f32(0)) +
                              kernel::f32(graph::double_attribute(node, "epsilon"));
        return finish(center + correction, call(Intrinsic::rsqrt, {variance}));
      });
      return kernel::block({reset(sum), reset(square), deviations, result});
    });
    return kernel::allocate(sum,
                            kernel::allocate(square, kernel::block({reset(sum), first, second})));
  }
};

}  // namespace

RowStatistics::RowStatistics(const graph::Group& group, const ContractionGeometry& g, int lanes)
    : body_(group.body), channels_(g.channels), lanes_(lanes) {
  for (graph::NodeId n = 0; n < group.anchor; ++n)
    if (body_.node(n).op == graph::Op::moments) nodes_.push_back(n);
}

Stmt RowStatistics::compute(GroupAccess& access, const Buffer& scratch, const Expr& pixel,
                            const std::function<Index(const Expr& channels)>& row) const {
  std::vector<Stmt> parts;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const RowMean mean{access, body_.node(nodes_[i]), row, channels_, {DType::f32, lanes_}};
    const Expr at = pixel * number(size()) + number(2 * static_cast<int64_t>(i));
    parts.push_back(mean.compute([&](const Expr& center, const Expr& rstd) {
      return kernel::block(
          {kernel::store(scratch, at, center), kernel::store(scratch, at + 1, rstd)});
    }));
  }
  return kernel::block(std::move(parts));
}

Stmt RowStatistics::defined(GroupAccess& access, const Buffer& scratch, const Expr& pixel,
                            const std::function<Stmt()>& body) const {
  std::vector<std::pair<Expr, Expr>> lets;
  for (size_t i = 0; i < nodes_.size(); ++i)
    for (int result = 0; result < 2; ++result) {
      const graph::ValueId value = body_.node(nodes_[i]).outputs[result];
      const Expr at = pixel * number(size()) + number(2 * static_cast<int64_t>(i) + result);
      const DType dtype = body_.value(value).dtype;
      const Expr variable = kernel::variable(result == 0 ? "mean" : "rstd", {dtype, 1});
      lets.emplace_back(variable, kernel::cast(dtype, kernel::load(scratch, at)));
      access.define(value, variable);
    }
  Stmt result = body();
  for (auto let = lets.rbegin(); let != lets.rend(); ++let)
    result = kernel::let(let->first, let->second, std::move(result));
  return result;
}

}  // namespace tempera::lower
