#pragma once

#include "frontend/checkpoint/unet_config.h"
#include "frontend/checkpoint/weights.h"
#include "frontend/models/component_graph.h"

namespace tempera::frontend {

// Inputs `sample` f32 [batch, in_channels, height, width] and `timestep` f32 [batch] of rate step,
// `encoder_hidden_states` f32 [batch, tokens, cross_attention_dim] of rate prompt. Output `sample`
// f32 [batch, out_channels, height, width]. Any size: up-sampling goes to the size of the skip
// connection. data_loss: weights that the config contradicts. invalid_argument: a size that cannot
// be.
Result<ComponentGraph> build_unet(const UnetConfig& config, const Weights& weights,
                                  const ComponentSize& size);

}  // namespace tempera::frontend
