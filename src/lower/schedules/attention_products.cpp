#include <limits>
#include <numbers>

#include "lower/schedules/attention_block.h"

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;

// A key's element or pair for all lanes. `first` is the block's first key, `row` counts from there.
Expr AttentionBlock::key_operand(const Expr& first, const Expr& row, const Expr& pair) {
  const auto wide = static_cast<int>(pair_);
  const Expr d = pair_ == 1 ? pair : kernel::ramp(pair * number(pair_), 1, wide);
  const Expr x = keys_in_place_
                     ? access_.value_at(g_.k, {batch_, first + row, head_ * number(g_.width) + d})
                     : kernel::load(keys_, row * number(key_stride_) + d);
  return kernel::repeat(x, lanes_ * wide);
}

// A value's element, or that of two keys, for all lanes.
Expr AttentionBlock::value_operand(const Expr& first, const Expr& row, const Expr& e) {
  if (values_in_place_)
    return kernel::broadcast(
        access_.value_at(g_.v, {batch_, first + row, head_ * number(g_.value_width) + e}), lanes_);
  const Expr place = (row * number(value_stride_) + e) * number(pair_);
  if (pair_ == 1) return kernel::broadcast(kernel::load(values_, place), lanes_);
  return kernel::repeat(kernel::load(values_, kernel::ramp(place, 1, 2)), 2 * lanes_);
}

// sums[i][v] += left(i) * right row [v] for the rows of a register tile.
Stmt AttentionBlock::multiply(const Buffer& sums, int rows, const std::function<Expr(int)>& left,
                              const Buffer& right, const Expr& right_row) const {
  std::vector<Expr> row;
  const kernel::Type type{g_.products, static_cast<int>(lanes_ * pair_)};
  for (int v = 0; v < vectors_; ++v) row.push_back(kernel::variable("r" + std::to_string(v), type));
  std::vector<Stmt> parts;
  for (int i = 0; i < rows; ++i)
    parts.push_back(kernel::let_in("x", left(i), [&](Expr x) {
      return each_vector([&](int v) {
        const Expr sum = kernel::load(sums, i * vectors_ + v);
        return kernel::store(
            sums, i * vectors_ + v,
            pair_ == 1 ? fma(x, row[v], sum) : kernel::call(Intrinsic::bf16_dot, {sum, row[v], x}));
      });
    }));
  Stmt body = kernel::block(std::move(parts));
  for (int v = vectors_; v-- > 0;)
    body = kernel::let(row[v], at(right, right_row, v), std::move(body));
  return body;
}

// The scores of a block of keys, and each query's new maximum.
Stmt AttentionBlock::score(const Expr& first, int64_t keys) {
  return tiles("keys", keys, [&](const Expr& row, int rows) {
    const Buffer sums = registers("sums", rows * vectors_);
    std::vector<Stmt> parts;
    for (int i = 0; i < rows * vectors_; ++i) parts.push_back(kernel::store(sums, i, zero()));
    parts.push_back(kernel::serial("d", number(g_.width_pairs()), [&](Expr d) {
      const auto key = [&](int i) { return key_operand(first, row + i, d); };
      return multiply(sums, rows, key, queries_, group_ * number(g_.width_pairs()) + d);
    }));
    parts.push_back(each_vector([&](int v) { return keep_scores(sums, first, row, rows, v); }));
    return kernel::allocate(sums, kernel::block(std::move(parts)));
  });
}

Stmt AttentionBlock::keep_scores(const Buffer& sums, const Expr& first, const Expr& row, int rows,
                                 int v) {
  std::vector<Expr> scores;
  std::vector<Stmt> parts;
  Expr largest = at(new_largest_, group_, v);
  for (int i = 0; i < rows; ++i) {
    scores.push_back(kernel::variable("score", vector_));
    largest = max(scores[i], largest);
    parts.push_back(put(scores_, row + i, v, scores[i]));
  }
  parts.push_back(put(new_largest_, group_, v, largest));
  Stmt body = kernel::block(std::move(parts));
  for (int i = rows; i-- > 0;)
    body = kernel::let(scores[i], masked(kernel::load(sums, i * vectors_ + v), first + row + i, v),
                       std::move(body));
  return body;
}

Expr AttentionBlock::masked(Expr score, const Expr& key, int v) {
  const Expr query = kernel::ramp(group_query_ + v * lanes_, 1, lanes_);
  if (g_.mask != graph::kAbsent) score = score + mask_at(key, query);
  if (!g_.causal) return score;
  const Expr seen = kernel::broadcast(key, lanes_) <= query + number(g_.keys - g_.queries);
  return select(seen, score, kernel::constant(vector_, -std::numeric_limits<double>::infinity()));
}

// The additive mask at this head's scores, in their unit; it broadcasts to [batch, heads, queries,
// keys].
Expr AttentionBlock::mask_at(const Expr& key, const Expr& query) {
  const Shape full = {g_.batch, g_.heads, g_.queries, g_.keys};
  const Index all = {batch_, head_, query, key};
  Index index;
  for (size_t d = 0; d < mask_shape_.size(); ++d)
    index.push_back(mask_shape_[d] == 1 ? Expr(0) : all[d + full.size() - mask_shape_.size()]);
  const Expr inside = g_.queries % block_ == 0 ? Expr() : query < number(g_.queries);
  const Expr value = cast(DType::f32, access_.value_at(g_.mask, index, inside));
  return value * kernel::constant(value->type, std::numbers::log2e / score_factor_);
}

// output = output * rescale + weights * V.
Stmt AttentionBlock::accumulate(const Expr& first, int64_t keys) {
  return tiles("e", g_.value_width, [&](const Expr& row, int rows) {
    const Buffer sums = registers("sums", rows * vectors_);
    const Expr output_row = group_ * number(g_.value_width) + row;
    std::vector<Stmt> parts;
    for (int i = 0; i < rows * vectors_; ++i) {
      const int v = i % vectors_;
      parts.push_back(kernel::store(
          sums, i, at(output_, output_row + i / vectors_, v) * at(rescale_, group_, v)));
    }
    parts.push_back(kernel::serial("key", number(divide_up(keys, pair_)), [&](Expr key) {
      const auto value = [&](int i) { return value_operand(first, key, row + i); };
      return multiply(sums, rows, value, weights_, key);
    }));
    for (int i = 0; i < rows * vectors_; ++i)
      parts.push_back(put(output_, output_row + i / vectors_, i % vectors_, kernel::load(sums, i)));
    return kernel::allocate(sums, kernel::block(std::move(parts)));
  });
}

}  // namespace tempera::lower
