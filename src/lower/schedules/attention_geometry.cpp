#include "lower/schedules/attention_geometry.h"

#include <algorithm>
#include <cmath>

#include "graph/attribute.h"
#include "lower/schedules/iterate.h"

namespace tempera::lower {

using kernel::Config;

AttentionGeometry attention_geometry(const graph::Group& group, const Target& target) {
  const graph::Graph& body = group.body;
  const graph::Node& node = body.node(group.anchor);
  const auto shape = [&](int input) -> const Shape& {
    return body.value(node.inputs[input]).shape;
  };
  const bool bf16 = std::all_of(node.inputs.begin(), node.inputs.begin() + 3,
                                [&](auto id) { return body.value(id).dtype == DType::bf16; });
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
          .result = body.value(node.outputs[0]).dtype,
          .products = bf16 && target.has_bf16_dot ? DType::bf16 : DType::f32};
}

AttentionTiling::AttentionTiling(const AttentionGeometry& g, const Target& target,
                                 const Config& config)
    : lanes(target.lanes(4)),
      vectors(config.at("query_vectors")),
      rows(config.at("tile_rows")),
      key_block(std::min(config.at("key_block"), g.keys)) {}

int64_t AttentionTiling::scratch_bytes(const AttentionGeometry& g) const {
  const int64_t pair = g.pair(), size = size_in_bytes(g.products);
  const auto padded = [&](int64_t width) { return divide_up(width, lanes) * lanes; };
  const int64_t queries = g.width_pairs() * pair * block() * size;
  const int64_t copies = key_block * (padded(g.width) + padded(g.value_width) + pair) * size;
  const int64_t scores = key_block * block() * 4;
  const int64_t weights = pair == 1 ? 0 : (key_block + 1) * block() * size;
  return queries + copies + scores + weights + (g.value_width + 4) * block() * 4;
}

namespace {

// Cycles of one step along the inner dimension of a register tile: products, and loads that take
// longer from the second cache.
double step(int64_t rows, int64_t vectors, bool from_l2) {
  const auto r = static_cast<double>(rows), v = static_cast<double>(vectors);
  constexpr double kLatency = 6;
  return std::max({r * v, kLatency, r / 2 + v * (from_l2 ? 2 : 1)}) + 0.3;
}

// `extent` rows in register tiles, each `depth` steps and `ends` cycles a sum at its ends.
double product(const AttentionTiling& t, int64_t extent, int64_t depth, bool from_l2, double ends) {
  const int64_t tile = divide_up(extent, divide_up(extent, t.rows));
  const auto one = [&](int64_t rows) {
    return static_cast<double>(depth) * step(rows, t.vectors, from_l2) +
           ends * static_cast<double>(rows * t.vectors) + 15;
  };
  const double rest = extent % tile == 0 ? 0 : one(extent % tile);
  return static_cast<double>(extent / tile) * one(tile) + rest;
}

}  // namespace

double attention_cycles(const AttentionGeometry& g, const Target& target,
                        const AttentionTiling& t) {
  const int64_t pair = g.pair();
  const auto vectors = static_cast<double>(t.vectors);
  const auto head = static_cast<double>(divide_up(g.value_width, t.lanes));
  const int64_t l1 = target.l1_bytes * 3 / 4;
  const int64_t rows_of_queries = g.width_pairs() * pair * t.block() * size_in_bytes(g.products);
  const bool queries_far = rows_of_queries + t.rows * g.width * 4 > l1;
  const bool weights_far = t.key_block * t.block() * size_in_bytes(g.products) > l1;
  const bool scores_far = t.key_block * t.block() * 4 > l1;
  const double weigh = (pair == 1 ? 12.0 : 5.5) + (scores_far ? 2 : 0);
  const auto block_of = [&](int64_t keys) {
    const double staged = pair == 1 ? 0 : 2.5 * head * static_cast<double>(keys);
    return product(t, keys, g.width_pairs(), queries_far, 2) +
           product(t, g.value_width, divide_up(keys, pair), weights_far, 2) +
           weigh * vectors * static_cast<double>(keys) + 30 * vectors + staged + 50;
  };
  const double keys = static_cast<double>(g.keys / t.key_block) * block_of(t.key_block) +
                      (g.keys % t.key_block == 0 ? 0 : block_of(g.keys % t.key_block));
  const double ends = static_cast<double>(t.block() * (g.width + 2 * g.value_width));
  const auto pieces = static_cast<double>(g.batch * g.heads * divide_up(g.queries, t.block()));
  const auto cores = static_cast<double>(target.cores);
  return std::ceil(pieces / cores) * (keys + ends);
}

std::vector<Config> attention_space(const AttentionGeometry& g, const Target& target) {
  struct Candidate {
    double cycles;
    bool fits;
    Config config;
  };
  std::vector<Candidate> candidates;
  const auto consider = [&](int64_t vectors, int64_t rows, int64_t keys) {
    Config config{{{"query_vectors", vectors}, {"tile_rows", rows}, {"key_block", keys}}};
    const AttentionTiling t(g, target, config);
    candidates.push_back({attention_cycles(g, target, t),
                          t.scratch_bytes(g) <= target.workgroup_memory_bytes, std::move(config)});
  };
  // Left over are a row of the right side, the broadcast element and one more.
  for (int64_t vectors = 1; vectors <= 4; ++vectors)
    for (const int64_t rows : {4, 5, 6, 8, 10, 12, 14}) {
      if (rows * vectors + vectors + 1 > target.vector_registers && rows > 4) continue;
      for (const int64_t wanted : {32, 64, 128, 256}) {
        const int64_t blocks = divide_up(g.keys, wanted);
        consider(vectors, rows, std::min(g.keys, divide_up(divide_up(g.keys, blocks), 2) * 2));
        if (blocks == 1) break;
      }
    }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    return a.fits != b.fits ? a.fits : a.cycles < b.cycles;
  });
  std::vector<Config> space;
  constexpr size_t kLongest = 32;
  for (const Candidate& c : candidates)
    if (space.empty() || (c.fits && space.size() < kLongest)) space.push_back(c.config);
  return space;
}

}  // namespace tempera::lower
