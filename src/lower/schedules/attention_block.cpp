#include "lower/schedules/attention_block.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace tempera::lower {

using kernel::Buffer;
using kernel::Expr;
using kernel::Space;
using kernel::Stmt;

AttentionBlock::AttentionBlock(const graph::Group& group, const Target& target,
                               const kernel::Config& config)
    : access_(group),
      g_(attention_geometry(group, target)),
      t_(g_, target, config),
      lanes_(static_cast<int>(t_.lanes)),
      vectors_(static_cast<int>(t_.vectors)),
      pair_(g_.pair()),
      block_(t_.block()),
      vector_{DType::f32, lanes_} {
  if (g_.mask != graph::kAbsent) mask_shape_ = group.body.value(g_.mask).shape;
  // Pairs of bf16 are not scaled, so that they are not rounded again; the sign is exact, and keeps
  // the largest score that of the largest weight.
  const double factor = g_.scale * std::numbers::log2e;
  query_factor_ = pair_ == 1 ? factor : std::copysign(1.0, factor);
  score_factor_ = pair_ == 1 ? 1 : std::abs(factor);
  lowest_ = std::numeric_limits<float>::lowest() / std::max(1.0, score_factor_);
  keys_in_place_ = read_in_place(g_.k, g_.width);
  values_in_place_ = pair_ == 1 && read_in_place(g_.v, g_.value_width);
  key_stride_ = t_.stride(g_.width);
  value_stride_ = t_.stride(g_.value_width);
  queries_ = scratch("queries", g_.products, t_.groups * g_.width_pairs() * block_ * pair_);
  if (!keys_in_place_) keys_ = scratch("keys", g_.products, t_.key_block * key_stride_);
  if (!values_in_place_)
    values_ =
        scratch("values", g_.products, divide_up(t_.key_block, pair_) * value_stride_ * pair_);
  scores_ = scratch("scores", DType::f32, t_.key_block * block_);
  weights_ = pair_ == 1
                 ? scores_
                 : scratch("weights", g_.products, divide_up(t_.key_block, pair_) * block_ * pair_);
  output_ = scratch("output", DType::f32, t_.groups * g_.value_width * block_);
  largest_ = scratch("largest", DType::f32, t_.groups * block_);
  new_largest_ = scratch("new_largest", DType::f32, t_.groups * block_);
  sum_ = scratch("sum", DType::f32, t_.groups * block_);
  rescale_ = scratch("rescale", DType::f32, t_.groups * block_);
}

Launch AttentionBlock::build() {
  Stmt body = kernel::grid("batch", number(g_.batch), [&](Expr b) {
    return kernel::grid("head", number(g_.heads), [&](Expr h) {
      return kernel::grid("block", number(divide_up(g_.queries, block_ * t_.groups)), [&](Expr q) {
        batch_ = b;
        head_ = h;
        first_query_ = q * number(block_ * t_.groups);
        return iteration();
      });
    });
  });
  return access_.launch("attention", std::move(body));
}

Buffer AttentionBlock::scratch(const char* name, DType dtype, int64_t size) const {
  return kernel::make_buffer(name, {dtype, 1}, Space::workgroup, size);
}

Buffer AttentionBlock::registers(const char* name, int64_t count) const {
  return kernel::make_buffer(name, vector_, Space::registers, count);
}

// Where vector v of a row of queries lies, `pair` elements a query.
Expr AttentionBlock::place(const Expr& row, int v, int64_t pair) const {
  const Expr first = row * number(block_ * pair) + number(v * lanes_ * pair);
  return kernel::ramp(first, 1, static_cast<int>(lanes_ * pair));
}

Expr AttentionBlock::at(const Buffer& buffer, const Expr& row, int v) const {
  return kernel::load(buffer, place(row, v, buffer->type.dtype == DType::f32 ? 1 : pair_));
}

Stmt AttentionBlock::put(const Buffer& buffer, const Expr& row, int v, Expr value) const {
  return kernel::store(buffer, place(row, v, buffer->type.dtype == DType::f32 ? 1 : pair_),
                       std::move(value));
}

Stmt AttentionBlock::each_vector(const std::function<Stmt(int)>& body) const {
  std::vector<Stmt> parts;
  for (int v = 0; v < vectors_; ++v) parts.push_back(body(v));
  return kernel::block(std::move(parts));
}

Stmt AttentionBlock::iteration() {
  Stmt body = kernel::block({each_group([&] { return kernel::block({stage_queries(), reset()}); }),
                             key_blocks(), each_group([&] { return finish(); })});
  std::vector<Buffer> used = {queries_, scores_, output_, largest_, new_largest_, sum_, rescale_};
  if (weights_ != scores_) used.push_back(weights_);
  if (keys_) used.push_back(keys_);
  if (values_) used.push_back(values_);
  for (const Buffer& b : used) body = kernel::allocate(b, std::move(body));
  return body;
}

// Groups that begin behind the last query are left out.
Stmt AttentionBlock::each_group(const std::function<Stmt()>& body) {
  const auto one = [&](const Expr& group) {
    group_ = group;
    group_query_ = group * number(block_) + first_query_;
    return body();
  };
  if (t_.groups == 1) return one(0);
  const bool whole = g_.queries % (block_ * t_.groups) == 0;
  const Expr begun = (number(g_.queries + block_ - 1) - first_query_) / number(block_);
  return kernel::serial("group", whole ? number(t_.groups) : kernel::min(number(t_.groups), begun),
                        one);
}

// Queries of the group.
Expr AttentionBlock::queries_left() const {
  if (g_.queries % block_ == 0) return number(block_);
  return kernel::min(number(block_), number(g_.queries) - group_query_);
}

Stmt AttentionBlock::key_blocks() {
  std::vector<Stmt> parts;
  const int64_t size = t_.key_block, whole = g_.keys / size;
  const auto one = [&](const Expr& first, int64_t keys) {
    std::vector<Stmt> steps;
    if (!keys_in_place_)
      steps.push_back(stage_rows(g_.k, keys_, g_.width, key_stride_, first, keys));
    if (pair_ > 1)
      steps.push_back(stage_value_pairs(first, keys));
    else if (!values_in_place_)
      steps.push_back(stage_rows(g_.v, values_, g_.value_width, value_stride_, first, keys));
    steps.push_back(each_group(
        [&] { return kernel::block({score(first, keys), weigh(keys), accumulate(first, keys)}); }));
    return kernel::block(std::move(steps));
  };
  if (whole > 0)
    parts.push_back(kernel::serial("key_block", seen_blocks(whole),
                                   [&](Expr i) { return one(i * number(size), size); }));
  if (const int64_t rest = g_.keys % size; rest != 0)
    parts.push_back(one(number(whole * size), rest));
  return kernel::block(std::move(parts));
}

// Blocks of keys that causal attention hides from all of this iteration's queries are left out.
Expr AttentionBlock::seen_blocks(int64_t whole) const {
  if (!g_.causal || g_.keys < g_.queries) return number(whole);
  const Expr last_key = first_query_ + number(block_ * t_.groups - 1 + g_.keys - g_.queries);
  return kernel::min(number(whole), last_key / number(t_.key_block) + 1);
}

// Runs body(first row, rows of the tile) over [0, rows) in tiles of near-equal height.
Stmt AttentionBlock::tiles(const char* name, int64_t rows,
                           const std::function<Stmt(Expr, int)>& body) const {
  const int64_t tile = divide_up(rows, divide_up(rows, t_.rows));
  std::vector<Stmt> parts;
  if (rows / tile > 0)
    parts.push_back(kernel::serial(name, number(rows / tile), [&](Expr i) {
      return body(i * number(tile), static_cast<int>(tile));
    }));
  if (rows % tile != 0)
    parts.push_back(body(number(rows / tile * tile), static_cast<int>(rows % tile)));
  return kernel::block(std::move(parts));
}

}  // namespace tempera::lower
