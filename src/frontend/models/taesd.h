#pragma once

#include "frontend/checkpoint/weights.h"
#include "frontend/models/component_graph.h"

namespace tempera::frontend {

// AutoencoderTiny's decoder in the place of build_vae_decoder's: the same input, divided by
// `scaling_factor`, and output. `weights` are those of open_taesd_weights; they say how wide it is.
Result<ComponentGraph> build_taesd_decoder(const Weights& weights, int64_t latent_channels,
                                           double scaling_factor, const ComponentSize& size);

}  // namespace tempera::frontend
