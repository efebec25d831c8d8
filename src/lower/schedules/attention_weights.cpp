#include "lower/schedules/attention_block.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;

// Scores become weights; sums and earlier results are to be scaled to the new maximum.
Stmt AttentionBlock::weigh(int64_t keys) const {
  const Buffer sums = registers("sums", vectors_);
  std::vector<Expr> largest, shifts;
  for (int v = 0; v < vectors_; ++v) {
    largest.push_back(kernel::variable("m" + std::to_string(v), vector_));
    shifts.push_back(kernel::variable("shift" + std::to_string(v), vector_));
  }
  const Expr factor = kernel::constant(vector_, score_factor_);
  std::vector<Stmt> parts;
  parts.push_back(each_vector([&](int v) {
    const Expr change = (at(largest_, group_, v) - largest[v]) * factor;
    return kernel::block({put(rescale_, group_, v, call(Intrinsic::exp2, {change})),
                          put(largest_, group_, v, largest[v]),
                          kernel::store(sums, v, at(sum_, group_, v) * at(rescale_, group_, v))});
  }));
  parts.push_back(weigh_keys(keys, sums, shifts));
  parts.push_back(each_vector([&](int v) { return put(sum_, group_, v, kernel::load(sums, v)); }));
  Stmt body = kernel::block(std::move(parts));
  for (int v = vectors_; v-- > 0;) {
    body = kernel::let(shifts[v], zero() - largest[v] * factor, std::move(body));
    body = kernel::let(largest[v], at(new_largest_, group_, v), std::move(body));
  }
  return kernel::allocate(sums, std::move(body));
}

// The weight's logarithm of base 2; `shift` takes the maximum to 0.
Expr AttentionBlock::exponent(const Expr& score, const Expr& shift) const {
  if (score_factor_ == 1) return score + shift;
  return fma(score, kernel::constant(vector_, score_factor_), shift);
}

Stmt AttentionBlock::weigh_keys(int64_t keys, const Buffer& sums,
                                const std::vector<Expr>& shifts) const {
  if (pair_ == 1)
    return kernel::serial("key", number(keys), [&](Expr key) {
      return each_vector([&](int v) {
        const Expr weight =
            kernel::call(Intrinsic::exp2, {exponent(at(scores_, key, v), shifts[v])});
        return kernel::let_in("weight", weight, [&](Expr w) {
          return kernel::block(
              {put(scores_, key, v, w), kernel::store(sums, v, kernel::load(sums, v) + w)});
        });
      });
    });
  std::vector<Stmt> parts;
  const auto one = [&](const Expr& pair, bool both) {
    return each_vector([&](int v) { return weigh_pair(sums, pair, both, v, shifts[v]); });
  };
  if (keys / 2 > 0)
    parts.push_back(
        kernel::serial("pair", number(keys / 2), [&](Expr pair) { return one(pair, true); }));
  if (keys % 2 != 0) parts.push_back(one(number(keys / 2), false));
  return kernel::block(std::move(parts));
}

// What is summed are the rounded weights, so that they add up to 1 in the end.
Stmt AttentionBlock::weigh_pair(const Buffer& sums, const Expr& pair, bool both, int v,
                                const Expr& shift) const {
  const auto weight = [&](int i) {
    const Expr score = at(scores_, pair * 2 + i, v);
    return cast(g_.products, kernel::call(Intrinsic::exp2_bf16, {exponent(score, shift)}));
  };
  const Expr low = weight(0);
  const Expr high = both ? weight(1) : kernel::constant(low->type, 0);
  const Expr weights = kernel::call(Intrinsic::interleave, {low, high});
  return kernel::let_in("weights", weights, [&](Expr w) {
    const Expr ones = kernel::constant(w->type, 1);
    const Expr sum = kernel::call(Intrinsic::bf16_dot, {kernel::load(sums, v), w, ones});
    return kernel::block({put(weights_, pair, v, w), kernel::store(sums, v, sum)});
  });
}

}  // namespace tempera::lower
