#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/run/component.h"
#include "base/status.h"
#include "base/target.h"
#include "frontend/checkpoint/checkpoint.h"
#include "graph/passes/pipeline.h"
#include "lower/lower.h"

namespace tempera::api {

// A component's graph and the layers that become outputs beside its own.
struct RequestedGraph {
  graph::Graph own;                     // with the component's own outputs
  std::vector<graph::NamedValue> kept;  // values of `own`, each once and none its output
  // What each output is asked for by, with its index among own's outputs, then `kept`.
  std::vector<std::pair<std::string, int>> outputs;
};
// The graph with all of them as outputs.
graph::Graph whole_graph(const RequestedGraph& requested);

// Reads the component's config and weights header. not_found: a pattern of `keep` that fits no
// layer, or no such `layer`.
Result<RequestedGraph> build_requested(const frontend::Checkpoint& checkpoint,
                                       const ComponentRequest& request);

// Rounds a layer's large outputs to the dtype in which they would lie in memory between layers: the
// outputs of a graph stay f32.
void store_outputs(RequestedGraph& layer, const graph::Precision& precision);

// The component's layers, each value once and under its first name, in an order in which each
// comes after those that it reads. What depends on weights alone is no layer.
Result<std::vector<Layer>> layers_of(const frontend::Checkpoint& checkpoint,
                                     const ComponentRequest& request);

// Passes and fusion. Two layers that passes find to be one value become one output.
Result<graph::Fused> run_graph_passes(RequestedGraph& requested, const graph::PassOptions& options);

Result<lower::Lowered> lower_component(const graph::Fused& fused, const std::string& component,
                                       const Target& target, int64_t growth_bytes);

}  // namespace tempera::api
