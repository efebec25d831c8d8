#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

// Weights in blocks of kScaledChannels along one axis: i8 times an f32 scale for each block,
// symmetric, q = round(w / s) with s = max|w| / 127.
inline constexpr int64_t kScaledChannels = 64;

struct Quantized {
  ValueId values;  // i8, the weight's shape
  ValueId scales;  // f32, with the axis divided by kScaledChannels
};
// The axis is a multiple of kScaledChannels; new nodes get `origin`.
Quantized quantized(Graph& graph, ValueId weight, int64_t axis,
                    const std::vector<std::string>& origin);
// mul(cast(values), the scales seen through reshape, broadcast_to and reshape): f32.
ValueId dequantized(Graph& graph, const Quantized& weight, int64_t axis,
                    const std::vector<std::string>& origin);

}  // namespace tempera::graph
