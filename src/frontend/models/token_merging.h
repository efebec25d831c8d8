#pragma once

#include "graph/build.h"

namespace tempera::frontend {

// Token merging for Stable Diffusion (Bolya and Hoffman, "Token Merging for Fast Stable Diffusion",
// 2023) with the first token of each cell as its destination: tomesd's
// bipartite_soft_matching_random2d with no_rand.

// What a UNet's transformer blocks merge.
struct TokenMerging {
  double ratio = 0;            // of a block's tokens, 0 to 0.75; 0: none
  int64_t max_downsample = 1;  // blocks at up to this reduction of the latent's sides: 1, 2, 4 or 8
  bool cross_attention = false, mlp = false;  // before these too, not only before self-attention
  bool operator==(const TokenMerging&) const = default;
};

// How tokens lie in the picture, and the cells of which one token each is a destination.
struct TokenGrid {
  int64_t height, width;
  int64_t cell_height = 2, cell_width = 2;
};

// Where each token goes.
struct TokenMatch {
  graph::ValueId places;  // i32 [batch, tokens]: its row among the merged ones
  int64_t tokens, merged_tokens;
};

// Matches the `merged` tokens of metric [batch, tokens, width] that are most like a destination
// with that one. Of the rows that stay, those that are no destination come first, by falling
// similarity. At most all tokens that are no destination are merged.
TokenMatch match_tokens(graph::GraphBuilder& b, graph::ValueId metric, const TokenGrid& grid,
                        int64_t merged);
// [batch, tokens, width] -> [batch, merged tokens, width]: means of what goes together.
graph::ValueId merge_tokens(graph::GraphBuilder& b, const TokenMatch& match, graph::ValueId x);
// [batch, merged tokens, width] -> [batch, tokens, width]: to each token its row.
graph::ValueId unmerge_tokens(graph::GraphBuilder& b, const TokenMatch& match, graph::ValueId x);

}  // namespace tempera::frontend
