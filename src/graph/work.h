#pragma once

#include <array>
#include <string_view>

#include "graph/graph.h"

namespace tempera::graph {

// What a node is counted under.
enum class WorkKind : uint8_t { conv, conv_transpose, matmul, attention, norm, elementwise };
inline constexpr size_t kWorkKinds = 6;
std::string_view name(WorkKind kind);

// Floating-point operations by the definitions of the ops, whatever computes them: 2 for each
// product that is summed, and those of norms, reductions and element-wise work (one an element and
// op; a group norm 5, a layer norm 7, a softmax 5). Movement is none. Padding counts like places
// inside.
double flops_of(const Graph& graph, const Node& node);

// The operations of nodes whose rate is between `least` and `most`, by kind.
struct GraphWork {
  std::array<double, kWorkKinds> flops{};
  double total() const;
};
GraphWork work_of(const Graph& graph, Rate least, Rate most);

}  // namespace tempera::graph
