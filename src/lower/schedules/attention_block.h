#pragma once

#include <functional>

#include "lower/group_access.h"
#include "lower/schedules/attention_geometry.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

// Code of one grid iteration of attention: groups of a block of queries each, of one head. Each
// block of keys is taken through all groups. Scratch is, rows of [block] queries unless said, the
// dtype that of the products unless said:
//   queries  [groups][width / pair][block][pair]
//   keys     [key_block][key_stride]: a copy, made only where keys cannot be read in place
//   values   f32: [key_block][value_stride], as keys; pairs: [key_block / 2][value_stride][2]
//   scores   f32 [key_block]; where products are f32, they become the weights
//   weights  [key_block / 2][block][2], where products take pairs
//   output   f32 [groups][value_width], and f32 [groups]: the largest score so far and that of the
//            block of keys included, the sum of weights, the factor that earlier results take
// Lanes run over queries in all of it. Lanes past the last query compute on what they find.
class AttentionBlock {
 public:
  AttentionBlock(const graph::Group& group, const Target& target, const kernel::Config& config);

  Launch build();

 private:
  using Expr = kernel::Expr;
  using Stmt = kernel::Stmt;
  using Buffer = kernel::Buffer;

  // attention_block.cpp
  Stmt iteration();
  Stmt each_group(const std::function<Stmt()>& body);
  Expr queries_left() const;
  Stmt key_blocks();
  Expr seen_blocks(int64_t whole) const;
  Buffer scratch(const char* name, DType dtype, int64_t size) const;
  Buffer registers(const char* name, int64_t count) const;
  Expr place(const Expr& row, int v, int64_t pair) const;
  Expr at(const Buffer& buffer, const Expr& row, int v) const;
  Stmt put(const Buffer& buffer, const Expr& row, int v, Expr value) const;
  Stmt each_vector(const std::function<Stmt(int)>& body) const;
  Stmt tiles(const char* name, int64_t rows, const std::function<Stmt(Expr, int)>& body) const;
  Expr zero() const { return kernel::constant(vector_, 0); }

  // attention_staging.cpp: what goes into scratch and what comes out.
  bool read_in_place(graph::ValueId value, int64_t width);
  Stmt stage_queries();
  Stmt stage_query_pairs(const Expr& query, const Expr& first, int64_t pairs);
  Stmt reset() const;
  Stmt stage_rows(graph::ValueId value, const Buffer& copy, int64_t width, int64_t stride,
                  const Expr& first, int64_t keys);
  Stmt stage_value_pairs(const Expr& first, int64_t keys);
  Stmt finish();

  // attention_products.cpp: the two products.
  Expr key_operand(const Expr& first, const Expr& row, const Expr& pair);
  Expr value_operand(const Expr& first, const Expr& row, const Expr& e);
  Stmt multiply(const Buffer& sums, int rows, const std::function<Expr(int)>& left,
                const Buffer& right, const Expr& right_row) const;
  Stmt score(const Expr& first, int64_t keys);
  Stmt keep_scores(const Buffer& sums, const Expr& first, const Expr& row, int rows, int v);
  Expr masked(Expr score, const Expr& key, int v);
  Expr mask_at(const Expr& key, const Expr& query);
  Stmt accumulate(const Expr& first, int64_t keys);

  // attention_weights.cpp: scores become weights.
  Stmt weigh(int64_t keys) const;
  Expr exponent(const Expr& score, const Expr& shift) const;
  Stmt weigh_keys(int64_t keys, const Buffer& sums, const std::vector<Expr>& shifts) const;
  Stmt weigh_pair(const Buffer& sums, const Expr& pair, bool both, int v, const Expr& shift) const;

  GroupAccess access_;
  AttentionGeometry g_;
  AttentionTiling t_;
  Shape mask_shape_;
  int lanes_, vectors_;
  int64_t pair_, block_;
  kernel::Type vector_;
  // Queries take `query_factor` when they are staged; the exponent of a weight is then
  // `score_factor` times the score, in units of log 2.
  double query_factor_, score_factor_;
  // Where a running maximum starts: masked scores end there at most, and no difference of two
  // infinities appears.
  double lowest_;
  bool keys_in_place_, values_in_place_;
  int64_t key_stride_, value_stride_;
  Buffer queries_, keys_, values_, scores_, weights_, output_, largest_, new_largest_, sum_,
      rescale_;
  Expr batch_, head_, first_query_;  // of the iteration
  Expr group_, group_query_;         // the group being printed, and its first query
};

}  // namespace tempera::lower
