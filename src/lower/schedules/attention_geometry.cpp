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
      key_block(std::min(config.at("key_block"), g.keys)),
      groups(config.at("query_groups")) {}

int64_t AttentionTiling::scratch_bytes(const AttentionGeometry& g) const {
  const int64_t pair = g.pair(), size = size_in_bytes(g.products);
  const int64_t queries = g.width_pairs() * pair * block() * size;
  const int64_t copies = (key_block + 1) * (stride(g.width) + stride(g.value_width)) * size;
  const int64_t scores = key_block * block() * 4;
  const int64_t weights = pair == 1 ? 0 : (key_block + 1) * block() * size;
  return groups * (queries + (g.value_width + 4) * block() * 4) + copies + scores + weights;
}

namespace {

// Cycles of one step along the inner dimension of a register tile: products, and what loads from
// the second cache hold them up (fitted).
double step(int64_t rows, int64_t vectors, bool from_l2) {
  const auto r = static_cast<double>(rows), v = static_cast<double>(vectors);
  constexpr double kLatency = 6;
  return std::max({r * v, kLatency, r / 2 + v}) + 0.05 * (r + v) + (from_l2 ? 0.8 * v : 0);
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
  const int64_t l1 = target.l1_bytes * 3 / 4;
  const int64_t rows_of_queries = g.width_pairs() * pair * t.block() * size_in_bytes(g.products);
  // Queries are read again for each tile of keys; weights in order, which costs nothing from far.
  const bool queries_far = rows_of_queries > target.l1_bytes / 2;
  const bool scores_far = t.key_block * t.block() * 4 > l1;
  const double weigh = (pair == 1 ? 12.0 : 8) + (scores_far ? 1 : 0);
  // Rows of keys and values come from far, once for all groups; values become pairs on the way.
  const auto lines = [&](int64_t width) {
    return static_cast<double>(divide_up(width * size_in_bytes(g.products), 64));
  };
  const double row = 5 * (lines(g.width) + lines(g.value_width)) +
                     (pair == 1 ? 0 : 3 * static_cast<double>(divide_up(g.value_width, t.lanes)));
  const int64_t groups = divide_up(g.queries, t.block());
  const auto block_of = [&](int64_t keys) {
    return product(t, keys, g.width_pairs(), queries_far, 3) +
           product(t, g.value_width, divide_up(keys, pair), false, 2) +
           (weigh * vectors + row / static_cast<double>(std::min(t.groups, groups))) *
               static_cast<double>(keys) +
           30 * vectors + 50;
  };
  const double keys = static_cast<double>(g.keys / t.key_block) * block_of(t.key_block) +
                      (g.keys % t.key_block == 0 ? 0 : block_of(g.keys % t.key_block));
  const double ends = static_cast<double>(t.block() * (g.width + 2 * g.value_width));
  // Whole iterations to a core, and the groups that the last one of a head lacks.
  const auto pieces = static_cast<double>(g.batch * g.heads * divide_up(groups, t.groups));
  const auto cores = static_cast<double>(target.cores);
  const double balance = std::ceil(pieces / cores) * cores / pieces;
  const auto all = static_cast<double>(g.batch * g.heads * groups);
  return all / cores * balance * (keys + ends);
}

std::vector<Config> attention_space(const AttentionGeometry& g, const Target& target) {
  struct Candidate {
    double cycles;
    bool fits;
    Config config;
  };
  std::vector<Candidate> candidates;
  const int64_t most_scratch = std::min(target.workgroup_memory_bytes, target.l2_bytes * 7 / 8);
  const auto consider = [&](int64_t vectors, int64_t rows, int64_t keys, int64_t groups) {
    Config config{{{"query_vectors", vectors},
                   {"tile_rows", rows},
                   {"key_block", keys},
                   {"query_groups", groups}}};
    const AttentionTiling t(g, target, config);
    candidates.push_back(
        {attention_cycles(g, target, t), t.scratch_bytes(g) <= most_scratch, std::move(config)});
  };
  const auto each_keys = [&](int64_t vectors, int64_t rows, int64_t groups) {
    for (const int64_t wanted : {32, 64, 128, 256}) {
      const int64_t blocks = divide_up(g.keys, wanted);
      consider(vectors, rows, std::min(g.keys, divide_up(divide_up(g.keys, blocks), 2) * 2),
               groups);
      if (blocks == 1) break;
    }
  };
  // Left over are a row of the right side, the broadcast element and one more.
  for (int64_t vectors = 1; vectors <= 4; ++vectors)
    for (const int64_t rows : {4, 5, 6, 8, 10, 12, 14}) {
      if (rows * vectors + vectors + 1 > target.vector_registers && rows > 4) continue;
      for (const int64_t groups : {1, 2, 4, 8}) {
        if (groups > 1 && (groups - 1) * vectors * target.lanes(4) >= g.queries) break;
        each_keys(vectors, rows, groups);
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
