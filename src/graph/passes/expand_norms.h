#pragma once

#include "graph/graph.h"

namespace tempera::graph {

// Writes normalisations as moments and element-wise work, which fuses with what is around them.
//  group_norm: m, r = moments of x [n, g, c / g, spatial...] over [c / g, spatial...];
//    scale = r * gamma, shift = beta - m * scale, both [n, c, 1...] and small; x * scale + shift.
//  layer_norm: m, r = moments over the last axis; (x - m) * r * gamma + beta.
Graph expand_norms(const Graph& graph);

}  // namespace tempera::graph
