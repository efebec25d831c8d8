#include "lower/schedules/block_moments.h"

#include <algorithm>

#include "graph/made_by.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;
using kernel::Type;

BlockMoments::BlockMoments(const graph::Group& group, int64_t parts, int lanes, int temporary)
    : group_(group), lanes_(lanes), temporary_(temporary) {
  const graph::Graph& body = group.body;
  for (size_t o = 0; o < body.outputs().size(); ++o) {
    const graph::ValueId value = body.outputs()[o].value;
    const graph::Node* moments = made_by(body, value, graph::Op::channel_moments);
    if (moments == nullptr) continue;
    CHECK(output_ < 0, "two channel_moments of one group");
    output_ = static_cast<int>(o);
    source_ = moments->inputs[0];
    const Shape& x = body.value(source_).shape;
    records_ = {x[0], x[1], parts};
    whole_ = {x[0], x[1], group.parts_of(value)};
    CHECK(whole_.parts == 1 || !is_joined(), "{} parts of channel_moments for {}", parts,
          whole_.parts);
  }
}

BlockMoments::Sums BlockMoments::make_sums() const {
  const Type type{DType::f32, lanes_};
  return {{"shift", type}, {"sum", type}, {"square", type}};
}

namespace {

Expr row_at(BlockMoments::Row row, int64_t columns, const Expr& column, int lanes) {
  return kernel::ramp(number(row * columns) + column, 1, lanes);
}

}  // namespace

Stmt BlockMoments::around(const Buffer& scratch, int64_t columns, const Expr& column,
                          const Sums& sums, const Stmt& body) const {
  const auto at = [&](Row row) { return row_at(row, columns, column, lanes_); };
  const std::pair<Row, const Register&> rows[] = {
      {kShift, sums.shift}, {kSum, sums.sum}, {kSquare, sums.square}};
  std::vector<Stmt> steps;
  for (const auto& [row, sum] : rows) steps.push_back(sum.set(kernel::load(scratch, at(row))));
  steps.push_back(body);
  for (const auto& [row, sum] : rows) steps.push_back(kernel::store(scratch, at(row), sum.get()));
  return with_registers({sums.shift, sums.sum, sums.square}, kernel::block(std::move(steps)));
}

Stmt BlockMoments::add(const Sums& sums, const Expr& elements, const Expr& is_first) const {
  const Expr zero = kernel::constant({DType::f32, lanes_}, 0);
  return kernel::let_in("x", filled(elements, zero->type, {}), [&](const Expr& x) {
    const Stmt start =
        kernel::block({sums.shift.set(x), sums.sum.set(zero), sums.square.set(zero)});
    const Stmt deviation = kernel::let_in("apart", x - sums.shift.get(), [&](const Expr& apart) {
      return kernel::block({sums.sum.set(sums.sum.get() + apart),
                            sums.square.set(fma(apart, apart, sums.square.get()))});
    });
    return kernel::block({kernel::branch(is_first, start), deviation});
  });
}

void BlockMoments::watch(GroupAccess& access, const Sums& sums, const Expr& is_first) const {
  access.watch(source_, [this, sums, is_first](const Expr& elements) {
    return add(sums, elements, is_first);
  });
}

Buffer BlockMoments::parts_buffer(GroupAccess& access, bool written) const {
  if (is_joined()) return access.temporary(temporary_, {DType::f32, 1}, records_.size(), written);
  return access.whole_output(output_, records_.size());
}

Stmt BlockMoments::store(GroupAccess& access, const Buffer& scratch, int64_t columns,
                         const Expr& column, const Expr& part, const Expr& channels,
                         const Expr& places, const Expr& mask) const {
  const auto sum_of = [&](Row row) {
    return kernel::load(scratch, row_at(row, columns, column, lanes_));
  };
  const Buffer buffer = parts_buffer(access, true);
  const Expr zero = kernel::constant({DType::f32, lanes_}, 0);
  const Expr count = kernel::broadcast(kernel::cast(DType::f32, places), lanes_);
  return kernel::let_in("mean", sum_of(kSum) / count, [&](const Expr& mean) {
    const Expr squares = max(sum_of(kSquare) - sum_of(kSum) * mean, zero);
    return records_.store(buffer, 0, part, channels, mask, {count, sum_of(kShift) + mean, squares});
  });
}

void BlockMoments::add_join(Program& program) const {
  if (empty() || !is_joined()) return;
  CHECK(static_cast<int>(program.temporary_bytes.size()) == temporary_,
        "channel_moments as temporary {} of {}", temporary_, program.temporary_bytes.size());
  program.temporary_bytes.push_back(records_.size() * size_in_bytes(DType::f32));
  GroupAccess access(group_);
  const Buffer parts = parts_buffer(access, false);
  const Buffer whole = access.whole_output(output_, whole_.size());
  const Stmt body = kernel::grid("image", number(records_.images), [&](const Expr& image) {
    return vectors("channel", records_.channels, lanes_, [&](const Expr& at, const Expr& mask) {
      return records_.joined(parts, image, at, mask, [&](const ChannelRecords::Moments& moments) {
        return whole_.store(whole, image, 0, at, mask, moments);
      });
    });
  });
  program.main.push_back(access.launch("join_moments", body));
}

}  // namespace tempera::lower
