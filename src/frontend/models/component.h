#pragma once

#include <memory>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/models/component_graph.h"
#include "frontend/models/unet.h"

namespace tempera::frontend {

// A component's graph and the weights that its inputs of rate `load` name.
struct BuiltComponent {
  ComponentGraph graph;
  std::shared_ptr<const Weights> weights;
};

// Reads the config and opens the weights of the component's part, and of no other. Errors of those,
// and of build_*. `unet` is read for that component only.
Result<BuiltComponent> build_component(const Checkpoint& checkpoint, Component component,
                                       const ComponentSize& size, const UnetOptions& unet = {});

}  // namespace tempera::frontend
