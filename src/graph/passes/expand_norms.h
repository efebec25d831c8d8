#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// Writes normalisations as their statistics and element-wise work, which fuses with what is around
// them.
//  group_norm: factor, term = group_norm_affine(gamma, beta, channel_moments(x)), all small; x *
//  factor + term. Where x is a concat of channels, from the moments of its pieces.
//  layer_norm: m, r = moments over the last axis; (x - m) * r * gamma + beta.
Graph expand_norms(const Graph& graph);

}  // namespace tempera::graph
