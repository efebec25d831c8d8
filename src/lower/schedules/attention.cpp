#include "lower/schedules/attention.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "graph/attribute.h"
#include "lower/group_access.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using graph::Group;
using graph::ValueId;
using kernel::Buffer;
using kernel::Config;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Space;
using kernel::Stmt;
using kernel::Type;

namespace {

struct Geometry {
  ValueId q, k, v, mask;
  int64_t batch, queries, keys, heads, width, value_width;
  double scale;
  bool causal;
  DType result;
};

Geometry geometry_of(const Group& group) {
  const graph::Graph& body = group.body;
  const graph::Node& node = body.node(group.anchor);
  const auto shape = [&](int input) -> const Shape& {
    return body.value(node.inputs[input]).shape;
  };
  const int64_t heads = graph::int_attribute(node, "heads");
  const double scale = graph::double_attribute(node, "scale");
  const int64_t width = shape(0)[2] / heads;
  return {.q = node.inputs[0],
          .k = node.inputs[1],
          .v = node.inputs[2],
          .mask = node.inputs.size() > 3 ? node.inputs[3] : graph::kAbsent,
          .batch = shape(0)[0],
          .queries = shape(0)[1],
          .keys = shape(1)[1],
          .heads = heads,
          .width = width,
          .value_width = shape(2)[2] / heads,
          .scale = scale == 0 ? 1 / std::sqrt(static_cast<double>(width)) : scale,
          .causal = graph::int_attribute(node, "causal") != 0,
          .result = body.value(node.outputs[0]).dtype};
}

// Scores are kept in units of log 2, so that exp2 serves. Masked scores end at most at the lowest
// finite number, where a running maximum starts: no difference of two infinities appears.
constexpr double kLowest = std::numeric_limits<float>::lowest();

// Builds the one kernel. A grid iteration owns `block` queries of one head; its scratch is, each
// [rows][block]: the transposed scaled queries, the scores of a block of keys, the transposed
// output, and single rows.
class Builder {
 public:
  Builder(const Group& group, const Target& target, const Config& config)
      : access_(group),
        g_(geometry_of(group)),
        lanes_(static_cast<int>(target.lanes(4))),
        vectors_(static_cast<int>(config.at("query_vectors"))),
        rows_(config.at("tile_rows")),
        key_block_(std::min(config.at("key_block"), g_.keys)),
        block_(static_cast<int64_t>(vectors_) * lanes_),
        vector_{DType::f32, lanes_} {
    if (g_.mask != graph::kAbsent) mask_shape_ = group.body.value(g_.mask).shape;
    queries_ = scratch("queries", g_.width);
    scores_ = scratch("scores", key_block_);
    output_ = scratch("output", g_.value_width);
    largest_ = scratch("largest", 1);
    new_largest_ = scratch("new_largest", 1);
    sum_ = scratch("sum", 1);
    rescale_ = scratch("rescale", 1);
  }

  Launch build() {
    Stmt body = kernel::grid("batch", number(g_.batch), [&](Expr b) {
      return kernel::grid("head", number(g_.heads), [&](Expr h) {
        return kernel::grid("block", number(divide_up(g_.queries, block_)), [&](Expr q) {
          batch_ = b;
          head_ = h;
          first_query_ = q * number(block_);
          return iteration();
        });
      });
    });
    return access_.launch("attention", std::move(body));
  }

 private:
  Buffer scratch(const char* name, int64_t rows) const {
    return kernel::make_buffer(name, {DType::f32, 1}, Space::workgroup, rows * block_);
  }
  Buffer registers(const char* name, int64_t count) const {
    return kernel::make_buffer(name, vector_, Space::registers, count);
  }
  Expr place(const Expr& row, int v) const {
    return kernel::ramp(row * number(block_) + v * lanes_, 1, lanes_);
  }
  Expr at(const Buffer& buffer, const Expr& row, int v) const {
    return kernel::load(buffer, place(row, v));
  }
  Stmt put(const Buffer& buffer, const Expr& row, int v, Expr value) const {
    return kernel::store(buffer, place(row, v), std::move(value));
  }
  Stmt each_vector(const std::function<Stmt(int)>& body) const {
    std::vector<Stmt> parts;
    for (int v = 0; v < vectors_; ++v) parts.push_back(body(v));
    return kernel::block(std::move(parts));
  }
  Expr query_lanes(int v) const { return kernel::ramp(first_query_ + v * lanes_, 1, lanes_); }

  Stmt iteration() {
    std::vector<Stmt> parts = {stage_queries(), reset(), key_blocks(), finish()};
    Stmt body = kernel::block(std::move(parts));
    for (const Buffer& b : {queries_, scores_, output_, largest_, new_largest_, sum_, rescale_})
      body = kernel::allocate(b, std::move(body));
    return body;
  }

  Stmt stage_queries() {
    const Expr factor = kernel::f32(g_.scale * std::numbers::log2e);
    return kernel::serial("d", number(g_.width), [&](Expr d) {
      return each_vector([&](int v) {
        const Expr query = query_lanes(v);
        const Expr mask = g_.queries % block_ == 0 ? Expr() : query < number(g_.queries);
        const Expr x = access_.value_at(g_.q, {batch_, query, head_ * number(g_.width) + d}, mask);
        return put(queries_, d, v, cast(DType::f32, x) * factor);
      });
    });
  }

  Stmt reset() const {
    const Expr zero = kernel::constant(vector_, 0);
    return kernel::block({each_vector([&](int v) {
                            return kernel::block(
                                {put(largest_, 0, v, kernel::constant(vector_, kLowest)),
                                 put(new_largest_, 0, v, kernel::constant(vector_, kLowest)),
                                 put(sum_, 0, v, zero)});
                          }),
                          kernel::serial("e", number(g_.value_width), [&](Expr e) {
                            return each_vector([&](int v) { return put(output_, e, v, zero); });
                          })});
  }

  Stmt key_blocks() {
    std::vector<Stmt> parts;
    const int64_t whole = g_.keys / key_block_;
    const auto one = [&](const Expr& first, int64_t keys) {
      return kernel::block({score(first, keys), weigh(keys), accumulate(first, keys)});
    };
    if (whole > 0)
      parts.push_back(kernel::serial("key_block", seen_blocks(whole), [&](Expr i) {
        return one(i * number(key_block_), key_block_);
      }));
    if (const int64_t rest = g_.keys % key_block_; rest != 0)
      parts.push_back(one(number(whole * key_block_), rest));
    return kernel::block(std::move(parts));
  }

  // Blocks of keys that causal attention hides from all of this iteration's queries are left out.
  Expr seen_blocks(int64_t whole) const {
    if (!g_.causal || g_.keys < g_.queries) return number(whole);
    const Expr last_key = first_query_ + number(block_ - 1 + g_.keys - g_.queries);
    return kernel::min(number(whole), last_key / number(key_block_) + 1);
  }

  // Runs body(first row, rows of the tile) over [0, rows) in tiles.
  Stmt tiles(const char* name, int64_t rows, const std::function<Stmt(Expr, int)>& body) const {
    const int64_t tile = divide_up(rows, divide_up(rows, rows_));
    std::vector<Stmt> parts;
    if (rows / tile > 0)
      parts.push_back(kernel::serial(name, number(rows / tile), [&](Expr i) {
        return body(i * number(tile), static_cast<int>(tile));
      }));
    if (rows % tile != 0)
      parts.push_back(body(number(rows / tile * tile), static_cast<int>(rows % tile)));
    return kernel::block(std::move(parts));
  }

  // sums[i][v] += left(i) * right row [v] for the rows of a register tile.
  Stmt multiply(const Buffer& sums, int rows, const std::function<Expr(int)>& left,
                const Buffer& right, const Expr& right_row) const {
    std::vector<Expr> row;
    for (int v = 0; v < vectors_; ++v)
      row.push_back(kernel::variable("r" + std::to_string(v), vector_));
    std::vector<Stmt> parts;
    for (int i = 0; i < rows; ++i)
      parts.push_back(kernel::let_in("x", cast(DType::f32, left(i)), [&](Expr x) {
        return each_vector([&](int v) {
          const Expr sum = kernel::load(sums, i * vectors_ + v);
          return kernel::store(sums, i * vectors_ + v,
                               fma(kernel::broadcast(x, lanes_), row[v], sum));
        });
      }));
    Stmt body = kernel::block(std::move(parts));
    for (int v = vectors_; v-- > 0;)
      body = kernel::let(row[v], at(right, right_row, v), std::move(body));
    return body;
  }

  // The scores of a block of keys, and each query's new maximum.
  Stmt score(const Expr& first, int64_t keys) {
    return tiles("keys", keys, [&](Expr row, int rows) {
      const Buffer sums = registers("sums", rows * vectors_);
      std::vector<Stmt> parts;
      for (int i = 0; i < rows * vectors_; ++i)
        parts.push_back(kernel::store(sums, i, kernel::constant(vector_, 0)));
      parts.push_back(kernel::serial("d", number(g_.width), [&](Expr d) {
        const auto key = [&](int i) {
          return access_.value_at(g_.k, {batch_, first + row + i, head_ * number(g_.width) + d});
        };
        return multiply(sums, rows, key, queries_, d);
      }));
      parts.push_back(each_vector([&](int v) { return keep_scores(sums, first, row, rows, v); }));
      return kernel::allocate(sums, kernel::block(std::move(parts)));
    });
  }

  Stmt keep_scores(const Buffer& sums, const Expr& first, const Expr& row, int rows, int v) {
    std::vector<Expr> scores;
    std::vector<Stmt> parts;
    Expr largest = at(new_largest_, 0, v);
    for (int i = 0; i < rows; ++i) {
      scores.push_back(kernel::variable("score", vector_));
      largest = max(scores[i], largest);
      parts.push_back(put(scores_, row + i, v, scores[i]));
    }
    parts.push_back(put(new_largest_, 0, v, largest));
    Stmt body = kernel::block(std::move(parts));
    for (int i = rows; i-- > 0;)
      body =
          kernel::let(scores[i], masked(kernel::load(sums, i * vectors_ + v), first + row + i, v),
                      std::move(body));
    return body;
  }

  Expr masked(Expr score, const Expr& key, int v) {
    const Expr query = query_lanes(v);
    if (g_.mask != graph::kAbsent) score = score + mask_at(key, query);
    if (!g_.causal) return score;
    const Expr seen = kernel::broadcast(key, lanes_) <= query + number(g_.keys - g_.queries);
    return select(seen, score, kernel::constant(vector_, -std::numeric_limits<double>::infinity()));
  }

  // The additive mask at this head's scores, in units of log 2; it broadcasts to [batch, heads,
  // queries, keys].
  Expr mask_at(const Expr& key, const Expr& query) {
    const Shape full = {g_.batch, g_.heads, g_.queries, g_.keys};
    const Index all = {batch_, head_, query, key};
    const Shape& shape = mask_shape_;
    Index index;
    for (size_t d = 0; d < shape.size(); ++d)
      index.push_back(shape[d] == 1 ? Expr(0) : all[d + full.size() - shape.size()]);
    const Expr inside = g_.queries % block_ == 0 ? Expr() : query < number(g_.queries);
    const Expr value = cast(DType::f32, access_.value_at(g_.mask, index, inside));
    return value * kernel::f32(std::numbers::log2e);
  }

  // Scores become weights; sums and earlier results are to be scaled to the new maximum.
  Stmt weigh(int64_t keys) const {
    const Buffer sums = registers("sums", vectors_);
    std::vector<Expr> largest;
    for (int v = 0; v < vectors_; ++v)
      largest.push_back(kernel::variable("m" + std::to_string(v), vector_));
    std::vector<Stmt> parts;
    parts.push_back(each_vector([&](int v) {
      const Expr change = at(largest_, 0, v) - largest[v];
      return kernel::block({put(rescale_, 0, v, call(Intrinsic::exp2, {change})),
                            put(largest_, 0, v, largest[v]),
                            kernel::store(sums, v, at(sum_, 0, v) * at(rescale_, 0, v))});
    }));
    parts.push_back(kernel::serial("key", number(keys), [&](Expr key) {
      return each_vector([&](int v) {
        const Expr weight = call(Intrinsic::exp2, {at(scores_, key, v) - largest[v]});
        return kernel::let_in("weight", weight, [&](Expr w) {
          return kernel::block(
              {put(scores_, key, v, w), kernel::store(sums, v, kernel::load(sums, v) + w)});
        });
      });
    }));
    parts.push_back(each_vector([&](int v) { return put(sum_, 0, v, kernel::load(sums, v)); }));
    Stmt body = kernel::block(std::move(parts));
    for (int v = vectors_; v-- > 0;)
      body = kernel::let(largest[v], at(new_largest_, 0, v), std::move(body));
    return kernel::allocate(sums, std::move(body));
  }

  // output = output * rescale + weights * V.
  Stmt accumulate(const Expr& first, int64_t keys) {
    return tiles("e", g_.value_width, [&](Expr row, int rows) {
      const Buffer sums = registers("sums", rows * vectors_);
      std::vector<Stmt> parts;
      for (int i = 0; i < rows * vectors_; ++i) {
        const int v = i % vectors_;
        parts.push_back(
            kernel::store(sums, i, at(output_, row + i / vectors_, v) * at(rescale_, 0, v)));
      }
      parts.push_back(kernel::serial("key", number(keys), [&](Expr key) {
        const auto value = [&](int i) {
          return access_.value_at(g_.v,
                                  {batch_, first + key, head_ * number(g_.value_width) + row + i});
        };
        return multiply(sums, rows, value, scores_, key);
      }));
      for (int i = 0; i < rows * vectors_; ++i)
        parts.push_back(put(output_, row + i / vectors_, i % vectors_, kernel::load(sums, i)));
      return kernel::allocate(sums, kernel::block(std::move(parts)));
    });
  }

  // Divides by the sums and stores, lanes over the head's width. A query that sees no key gets 0.
  Stmt finish() {
    const Expr one = kernel::constant(vector_, 1);
    const Expr zero = kernel::constant(vector_, 0);
    Stmt invert = each_vector([&](int v) {
      const Expr sum = at(sum_, 0, v);
      return put(rescale_, 0, v, select(sum == zero, zero, one / sum));
    });
    const Expr left = number(g_.queries) - first_query_;
    const Expr queries =
        g_.queries % block_ == 0 ? number(block_) : kernel::min(number(block_), left);
    const int lanes =
        static_cast<int>(std::min<int64_t>(lanes_, std::bit_ceil(uint64_t(g_.value_width))));
    return kernel::block(
        {invert, kernel::serial("query", queries, [&](Expr query) {
           return tempera::lower::vectors("e", g_.value_width, lanes, [&](Expr e, Expr mask) {
             const Expr sum = kernel::load(output_, e * number(block_) + query, mask);
             const Expr x = sum * kernel::load(rescale_, query);
             return access_.store_results(
                 {batch_, first_query_ + query, head_ * number(g_.value_width) + e},
                 {cast(g_.result, x)}, mask);
           });
         })});
  }

  GroupAccess access_;
  Geometry g_;
  Shape mask_shape_;
  int lanes_, vectors_;
  int64_t rows_, key_block_, block_;
  Type vector_;
  Buffer queries_, scores_, output_, largest_, new_largest_, sum_, rescale_;
  Expr batch_, head_, first_query_;
};

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::attention;
}

struct Choice {
  int64_t vectors, rows, keys;
};

// Time of one choice, in FMA slots a key. Queries are padded to blocks; register tiles load more
// the flatter they are; K and V come from the second cache once a block of queries, its rows of
// queries once a tile of keys where they do not stay in the first; sums are rescaled once a block
// of keys.
double cost(const Geometry& g, const Target& target, const Choice& c) {
  const int64_t block = c.vectors * target.lanes(4);
  const auto blocks = static_cast<double>(divide_up(g.queries, block));
  const double padded = blocks * static_cast<double>(block);
  const auto width = static_cast<double>(g.width), value_width = static_cast<double>(g.value_width);
  const auto rows = static_cast<double>(c.rows), vectors = static_cast<double>(c.vectors);
  const double fma = padded * (width + value_width) * std::max(1.0, 1 / rows + 1 / vectors);
  const double keys_and_values = blocks * (width + value_width) * 4;
  const bool queries_stay = (g.width + c.keys) * block * 4 <= target.l1_bytes * 2;
  const double queries = queries_stay ? 0 : padded * width / rows;
  const double rescaling = padded * value_width * 3 / static_cast<double>(c.keys);
  const bool scores_stay = c.keys * block * 4 <= target.l1_bytes;
  const auto pieces = static_cast<double>(g.batch * g.heads) * blocks;
  const auto workers = static_cast<double>(target.cores);
  const double idle = std::ceil(pieces / workers) * workers / pieces;
  return (fma * (scores_stay ? 1.0 : 1.1) + keys_and_values + queries + rescaling) * idle;
}

std::vector<Config> space(const Group& group, const Target& target) {
  const Geometry g = geometry_of(group);
  // A quarter of the registers is left for a row of the right side, the broadcast element and
  // addresses.
  const int64_t sums = target.vector_registers * 3 / 4;
  std::vector<Choice> choices;
  for (const int64_t vectors : {4, 3, 2, 1})
    for (const int64_t keys : {64, 128, 32, 256})
      if (keys == 32 || keys < 2 * g.keys)
        choices.push_back({vectors, std::max<int64_t>(1, sums / vectors), std::min(keys, g.keys)});
  std::stable_sort(choices.begin(), choices.end(), [&](const Choice& a, const Choice& b) {
    return cost(g, target, a) < cost(g, target, b);
  });
  std::vector<Config> configs;
  for (const Choice& c : choices) {
    Config config{{{"query_vectors", c.vectors}, {"tile_rows", c.rows}, {"key_block", c.keys}}};
    if (std::find(configs.begin(), configs.end(), config) == configs.end())
      configs.push_back(config);
  }
  return configs;
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  const Geometry g = geometry_of(group);
  const int64_t rows = g.width + g.value_width + std::min(config.at("key_block"), g.keys) + 4;
  const int64_t bytes = rows * config.at("query_vectors") * target.vector_bytes;
  if (bytes > target.workgroup_memory_bytes)
    return error(ErrorCode::unsupported,
                 "attention: a block needs {} bytes of scratch, the target has {}; take fewer "
                 "query_vectors or a smaller key_block",
                 bytes, target.workgroup_memory_bytes);
  Program program;
  program.main.push_back(Builder(group, target, config).build());
  return program;
}

}  // namespace

const Schedule kAttention = {"attention", "online softmax over blocks of keys, lanes over queries",
                             accepts, space, build};

}  // namespace tempera::lower
