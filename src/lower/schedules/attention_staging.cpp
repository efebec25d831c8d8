#include <bit>

#include "lower/schedules/attention_block.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Stmt;

namespace {

// A tensor with one column gives one lane whatever is asked for.
Expr as_wide_as(const Expr& index, Expr x) {
  if (x->type.lanes == index->type.lanes) return x;
  return kernel::broadcast(std::move(x), index->type.lanes);
}

}  // namespace

// Is one element (one pair) of a key or value a plain load of adjacent numbers of the products'
// dtype?
bool AttentionBlock::read_in_place(graph::ValueId value, int64_t width) {
  if (width % pair_ != 0) return false;
  const Expr column = pair_ == 1 ? Expr(0) : kernel::ramp(0, 1, static_cast<int>(pair_));
  const Expr x = access_.value_at(value, {0, 0, column});
  if (x->kind != kernel::ExprKind::load || x->type.dtype != g_.products || x->args.size() > 1)
    return false;
  const Expr& index = x->args[0];
  return pair_ == 1 ||
         (index->kind == kernel::ExprKind::ramp && kernel::is_constant(index->args[1], 1));
}

// Eight pairs at a time, so that lines of scratch are not left half written for long.
Stmt AttentionBlock::stage_queries() {
  constexpr int64_t kPairs = 8;
  const Expr queries = queries_left();
  const auto each_query = [&](const Expr& first, int64_t pairs) {
    return kernel::serial("query", queries,
                          [&](Expr query) { return stage_query_pairs(query, first, pairs); });
  };
  const int64_t pairs = g_.width_pairs();
  std::vector<Stmt> parts;
  if (pairs >= kPairs)
    parts.push_back(kernel::serial("pairs", number(pairs / kPairs),
                                   [&](Expr i) { return each_query(i * number(kPairs), kPairs); }));
  if (pairs % kPairs != 0)
    parts.push_back(each_query(number(pairs / kPairs * kPairs), pairs % kPairs));
  return kernel::block(std::move(parts));
}

Stmt AttentionBlock::stage_query_pairs(const Expr& query, const Expr& first, int64_t pairs) {
  std::vector<Stmt> parts;
  for (int64_t i = 0; i < pairs; ++i) {
    const Expr pair = first + number(i);
    const Expr d = pair_ == 1 ? pair : kernel::ramp(pair * number(pair_), 1, 2);
    const bool padded = pair_ > 1 && g_.width % pair_ != 0;
    const Expr mask = padded ? d < number(g_.width) : Expr();
    Expr x =
        access_.value_at(g_.q, {batch_, group_query_ + query, head_ * number(g_.width) + d}, mask);
    if (query_factor_ != 1) {
      x = cast(DType::f32, x);
      x = x * kernel::constant(x->type, query_factor_);
    }
    x = as_wide_as(d, cast(g_.products, x));
    if (padded) x = select(mask, x, kernel::constant(x->type, 0));
    const Expr row = group_ * number(g_.width_pairs()) + pair;
    const Expr place = (row * number(block_) + query) * number(pair_);
    parts.push_back(
        kernel::store(queries_, pair_ == 1 ? place : kernel::ramp(place, 1, 2), std::move(x)));
  }
  return kernel::block(std::move(parts));
}

Stmt AttentionBlock::reset() const {
  const Expr lowest = kernel::constant(vector_, lowest_);
  return kernel::block({each_vector([&](int v) {
                          return kernel::block({put(largest_, group_, v, lowest),
                                                put(new_largest_, group_, v, lowest),
                                                put(sum_, group_, v, zero())});
                        }),
                        kernel::serial("e", number(g_.value_width), [&](Expr e) {
                          return each_vector([&](int v) {
                            return put(output_, group_ * number(g_.value_width) + e, v, zero());
                          });
                        })});
}

// A block of keys' rows of one head as they lie; columns up to the end of their last vector are 0.
Stmt AttentionBlock::stage_rows(graph::ValueId value, const Buffer& copy, int64_t width,
                                int64_t stride, const Expr& first, int64_t keys) {
  return kernel::serial("key", number(keys), [&](Expr key) {
    return vectors("d", width, lanes_, [&](const Expr& d, const Expr& mask) {
      Expr x = access_.value_at(value, {batch_, first + key, head_ * number(width) + d}, mask);
      x = as_wide_as(d, cast(g_.products, x));
      if (mask.defined()) x = select(mask, x, kernel::constant(x->type, 0));
      return kernel::store(copy, key * number(stride) + d, std::move(x));
    });
  });
}

Stmt AttentionBlock::stage_value_pairs(const Expr& first, int64_t keys) {
  const auto one = [&](const Expr& pair, bool both) {
    return vectors("e", g_.value_width, lanes_, [&](const Expr& e, const Expr& mask) {
      const auto row = [&](int i) {
        return as_wide_as(
            e, access_.value_at(
                   g_.v, {batch_, first + pair * 2 + i, head_ * number(g_.value_width) + e}, mask));
      };
      const Expr low = row(0);
      const Expr high = both ? row(1) : kernel::constant(low->type, 0);
      const Expr column = e->type.is_scalar() ? e : kernel::extract(e, 0);
      const Expr place = (pair * number(value_stride_) + column) * 2;
      return kernel::store(values_, kernel::ramp(place, 1, 2 * e->type.lanes),
                           kernel::call(kernel::Intrinsic::interleave, {low, high}));
    });
  };
  std::vector<Stmt> parts;
  if (keys / 2 > 0)
    parts.push_back(
        kernel::serial("pair", number(keys / 2), [&](Expr pair) { return one(pair, true); }));
  if (keys % 2 != 0) parts.push_back(one(number(keys / 2), false));
  return kernel::block(std::move(parts));
}

// Divides by the sums and stores, lanes over the head's width. A query that sees no key gets 0.
Stmt AttentionBlock::finish() {
  const Expr one = kernel::constant(vector_, 1);
  Stmt invert = each_vector([&](int v) {
    const Expr sum = at(sum_, group_, v);
    return put(rescale_, group_, v, select(sum == zero(), zero(), one / sum));
  });
  const Expr queries = queries_left();
  const int lanes =
      static_cast<int>(std::min<int64_t>(lanes_, std::bit_ceil(uint64_t(g_.value_width))));
  return kernel::block(
      {invert, kernel::serial("query", queries, [&](Expr query) {
         return vectors("e", g_.value_width, lanes, [&](Expr e, Expr mask) {
           const Expr sum = kernel::load(
               output_, (group_ * number(g_.value_width) + e) * number(block_) + query, mask);
           const Expr x = sum * kernel::load(rescale_, group_ * number(block_) + query);
           return access_.store_results(
               {batch_, group_query_ + query, head_ * number(g_.value_width) + e},
               {cast(g_.result, x)}, mask);
         });
       })});
}

}  // namespace tempera::lower
