#pragma once

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "kernel/kernel.h"

namespace tempera::lower {

// The attention node of a group, and what its products are made of.
struct AttentionGeometry {
  graph::ValueId q, k, v, mask;  // mask may be graph::kAbsent
  int64_t batch, queries, keys, heads, width, value_width;
  double scale;
  bool causal;
  DType result;
  // bf16: q, k and v are, and the target has dot products of pairs; otherwise f32, to which all
  // operands are widened. Scores, sums and the softmax are f32 in any case.
  DType products;

  int64_t pair() const { return products == DType::bf16 ? 2 : 1; }
  int64_t width_pairs() const { return (width + pair() - 1) / pair(); }
};

AttentionGeometry attention_geometry(const graph::Group& group, const Target& target);

// One choice of tiles.
struct AttentionTiling {
  int64_t lanes;      // f32 a vector
  int64_t vectors;    // of queries, in a register tile
  int64_t rows;       // of a register tile: keys of the scores, elements of the result
  int64_t key_block;  // keys whose scores exist at a time
  int64_t groups;     // blocks of queries that a grid iteration takes a block of keys through

  AttentionTiling(const AttentionGeometry& g, const Target& target, const kernel::Config& config);
  int64_t block() const { return vectors * lanes; }  // queries
  // Distance of the rows of a staged copy: an odd number of vectors, so that neighbours do not all
  // fall into one set of the L1 cache.
  int64_t stride(int64_t width) const { return ((width + lanes - 1) / lanes | 1) * lanes; }
  // Bytes of scratch of a grid iteration, staged copies of keys and values counted.
  int64_t scratch_bytes(const AttentionGeometry& g) const;
};

// All choices that fit the target's scratch (one even if none does), ranked by attention_cycles().
std::vector<kernel::Config> attention_space(const AttentionGeometry& g, const Target& target);
// An estimate of the busiest core's cycles.
double attention_cycles(const AttentionGeometry& g, const Target& target,
                        const AttentionTiling& tiling);

}  // namespace tempera::lower
