#include "lower/schedules/group_affine.h"

#include <algorithm>
#include <bit>

#include "graph/attribute.h"
#include "lower/schedules/accumulator.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;

namespace {

constexpr auto kMean = ChannelRecords::kMean, kSquares = ChannelRecords::kSquares;
// Factors and terms take the place of what they are made from.
constexpr int64_t kFactors = kMean, kTerms = kSquares;

// Makes the factors and terms of one group of channels.
struct GroupJoin {
  GroupAccess& access;
  const graph::Node& node;
  const Buffer& scratch;
  int64_t size;  // channels of a group
  int lanes;     // at most
  int64_t first, row;
  Expr channel;  // the group's first

  const int width =
      static_cast<int>(std::min<uint64_t>(lanes, std::bit_ceil(static_cast<uint64_t>(size))));
  const int64_t vectors = divide_up(size, width);

  Expr mask(int64_t v) const {
    const int64_t left = size - v * width;
    return left >= width ? Expr() : kernel::ramp(0, 1, width) < number(left);
  }
  Expr at(int64_t of_row, int64_t v) const {
    return kernel::ramp(number(first + of_row * row + v * width) + channel, 1, width);
  }
  Expr load(int64_t of_row, int64_t v) const {
    return kernel::load(scratch, at(of_row, v), mask(v));
  }
  Expr scalar(int64_t of_row) const {
    return kernel::load(scratch, number(first + of_row * row) + channel);
  }
  // The sum over the group of value(v), where all lanes count.
  Expr total(const std::function<Expr(int64_t)>& value) const {
    Expr sum;
    for (int64_t v = 0; v < vectors; ++v) {
      const Expr x = masked(mask(v), value(v), kernel::constant({DType::f32, width}, 0));
      sum = v == 0 ? x : sum + x;
    }
    return across_lanes(Intrinsic::reduce_add, sum);
  }

  // All channels count the same places; their means count from the first one's.
  Stmt iteration() const {
    const Expr members = kernel::f32(static_cast<double>(size));
    return kernel::let_in("places", scalar(ChannelRecords::kCount), [&](const Expr& places) {
      return kernel::let_in("origin", scalar(kMean), [&](const Expr& origin) {
        const Expr apart = total([&](int64_t v) { return load(kMean, v) - origin; }) / members;
        return kernel::let_in("mean", apart, [&](const Expr& mean) {
          const Expr squares = total([&](int64_t v) {
            const Expr between = load(kMean, v) - origin - mean;
            return fma(between * between, places, load(kSquares, v));
          });
          return finish(origin + mean, squares / (places * members));
        });
      });
    });
  }

  Stmt finish(const Expr& center, const Expr& variance) const {
    const Expr epsilon = kernel::f32(graph::double_attribute(node, "epsilon"));
    const Expr rstd = call(Intrinsic::rsqrt, {variance + epsilon});
    return kernel::let_in("center", center, [&](const Expr& mean) {
      return kernel::let_in("rstd", rstd, [&](const Expr& r) {
        std::vector<Stmt> stores;
        for (int64_t v = 0; v < vectors; ++v) stores.push_back(affine(mean, r, v));
        return kernel::block(std::move(stores));
      });
    });
  }

  Stmt affine(const Expr& mean, const Expr& rstd, int64_t v) const {
    const Expr channels = kernel::ramp(channel + number(v * width), 1, width);
    const auto weight = [&](int input) {
      return filled(access.value_at(node.inputs[input], {channels}, mask(v)), {DType::f32, width},
                    {});
    };
    return kernel::let_in("factor", weight(0) * rstd, [&](const Expr& factor) {
      return kernel::block(
          {kernel::store(scratch, at(kFactors, v), factor, mask(v)),
           kernel::store(scratch, at(kTerms, v), weight(1) - factor * mean, mask(v))});
    });
  }
};

}  // namespace

GroupAffine::GroupAffine(const graph::Group& group, int lanes) : group_(group), lanes_(lanes) {
  int64_t first = 0;
  for (graph::NodeId n = 0; n <= group.anchor; ++n) {
    const graph::Node& node = group.body.node(n);
    if (node.op != graph::Op::group_norm_affine) continue;
    const int64_t channels = group.body.value(node.inputs[0]).shape[0];
    const int64_t row = divide_up(channels, lanes) * lanes;
    nodes_.push_back({n, graph::int_attribute(node, "groups"), channels, first, row});
    first += ChannelRecords::kRows * row;
  }
}

int64_t GroupAffine::size() const {
  return empty() ? 1 : nodes_.back().first + ChannelRecords::kRows * nodes_.back().row;
}

// The moments of all channels of an image as rows in scratch.
Stmt GroupAffine::join_parts(GroupAccess& access, const Buffer& scratch, const Expr& image,
                             const Norm& norm) const {
  const graph::Graph& body = group_.body;
  const graph::Node& node = body.node(norm.node);
  const ChannelRecords rows{1, norm.row, 1};
  std::vector<Stmt> pieces;
  int64_t begin = norm.first;
  for (size_t i = 2; i < node.inputs.size(); ++i) {
    const graph::ValueId value = node.inputs[i];
    const auto input = std::ranges::find(body.inputs(), value);
    CHECK(input != body.inputs().end(), "channel_moments of the group that reads them");
    const Shape& shape = body.value(value).shape;
    const ChannelRecords records{shape[0], shape[1] / ChannelRecords::kRows,
                                 group_.parts_of(value)};
    const Buffer buffer =
        access.whole_input(static_cast<int>(input - body.inputs().begin()), records.size());
    const Expr piece_image = records.images == 1 ? Expr(0) : image % number(records.images);
    pieces.push_back(
        vectors("channel", records.channels, lanes_, [&](const Expr& at, const Expr& mask) {
          return records.joined(
              buffer, piece_image, at, mask, [&](const ChannelRecords::Moments& moments) {
                return rows.store(scratch, 0, 0, number(begin) + at, mask, moments);
              });
        }));
    begin += records.channels;
  }
  return kernel::block(std::move(pieces));
}

Stmt GroupAffine::compute(GroupAccess& access, const Buffer& scratch, const Expr& image) const {
  std::vector<Stmt> steps;
  for (const Norm& norm : nodes_) {
    steps.push_back(join_parts(access, scratch, image, norm));
    steps.push_back(kernel::serial("group", number(norm.groups), [&](const Expr& group) {
      const int64_t size = norm.channels / norm.groups;
      return GroupJoin{access,   group_.body.node(norm.node), scratch, size, lanes_, norm.first,
                       norm.row, group * number(size)}
          .iteration();
    }));
  }
  return kernel::block(std::move(steps));
}

Expr GroupAffine::result_at(const Buffer& scratch, size_t i, int result, const Expr& channels,
                            const Expr& mask) const {
  const Norm& norm = nodes_.at(i);
  const graph::ValueId value = group_.body.node(norm.node).outputs[result];
  const int64_t row = norm.first + (result == 0 ? kFactors : kTerms) * norm.row;
  return kernel::cast(group_.body.value(value).dtype,
                      kernel::load(scratch, number(row) + channels, mask));
}

void GroupAffine::define(GroupAccess& access, const Buffer& scratch) const {
  for (size_t i = 0; i < nodes_.size(); ++i)
    for (const int result : {0, 1})
      access.define(group_.body.node(nodes_[i].node).outputs[result],
                    [this, scratch, i, result](const Index& index, const Expr& mask) {
                      return result_at(scratch, i, result, index[1], mask);
                    });
}

}  // namespace tempera::lower
