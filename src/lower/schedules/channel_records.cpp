#include "lower/schedules/channel_records.h"

#include "lower/schedules/accumulator.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;
using kernel::Type;

Expr ChannelRecords::offset(const Expr& image, const Expr& part, Row row) const {
  return ((image * number(parts) + part) * number(kRows) + number(row)) * number(channels);
}

Stmt ChannelRecords::store(const Buffer& records, const Expr& image, const Expr& part,
                           const Expr& at, const Expr& mask, const Moments& moments) const {
  const auto store_row = [&](Row row, const Expr& value) {
    return kernel::store(records, offset(image, part, row) + at, value, mask);
  };
  return kernel::block({store_row(kCount, moments.count), store_row(kMean, moments.mean),
                        store_row(kSquares, moments.squares)});
}

Stmt ChannelRecords::joined(const Buffer& records, const Expr& image, const Expr& at,
                            const Expr& mask, const Body& body) const {
  const auto load = [&](const Expr& part, Row row) {
    return kernel::load(records, offset(image, part, row) + at, mask);
  };
  if (parts == 1) return body({load(0, kCount), load(0, kMean), load(0, kSquares)});
  const Type type{DType::f32, at->type.lanes};
  const Register count("count", type), mean("mean", type), squares("squares", type);
  const auto each_part = [&](const std::function<Stmt(const Expr&)>& add) {
    return kernel::serial("part", number(parts), add);
  };
  const Expr zero = kernel::constant(type, 0);
  // Means count from that of the first part.
  return kernel::let_in("origin", load(0, kMean), [&](const Expr& origin) {
    const Stmt means = each_part([&](const Expr& part) {
      return kernel::let_in("places", load(part, kCount), [&](const Expr& places) {
        return kernel::block({count.set(count.get() + places),
                              mean.set(fma(places, load(part, kMean) - origin, mean.get()))});
      });
    });
    const Stmt sums = each_part([&](const Expr& part) {
      return kernel::let_in(
          "apart", load(part, kMean) - origin - mean.get(), [&](const Expr& apart) {
            const Expr between = fma(load(part, kCount) * apart, apart, load(part, kSquares));
            return squares.set(squares.get() + between);
          });
    });
    return with_registers({count, mean, squares},
                          kernel::block({count.set(zero), mean.set(zero), squares.set(zero), means,
                                         mean.set(mean.get() / count.get()), sums,
                                         body({count.get(), origin + mean.get(), squares.get()})}));
  });
}

}  // namespace tempera::lower
