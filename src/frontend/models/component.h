#pragma once

#include <memory>

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/models/component_graph.h"
#include "frontend/models/unet.h"
#include "frontend/models/vae.h"

namespace tempera::frontend {

// A component's graph and the weights that its inputs of rate `load` name.
struct BuiltComponent {
  ComponentGraph graph;
  std::shared_ptr<const Weights> weights;
};

// Which graph of a component: `unet` of that one only, `vae` of the VAE's two (of a TAESD decoder
// there is but VaePart::all).
struct ComponentOptions {
  UnetOptions unet;
  VaePart vae = VaePart::all;
};

// Reads the config and opens the weights of the component's part, and of no other. Errors of those,
// and of build_*.
Result<BuiltComponent> build_component(const Checkpoint& checkpoint, Component component,
                                       const ComponentSize& size,
                                       const ComponentOptions& options = {});

}  // namespace tempera::frontend
