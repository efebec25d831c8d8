#pragma once

#include "frontend/checkpoint/unet_config.h"
#include "frontend/checkpoint/weights.h"
#include "frontend/models/component_graph.h"
#include "frontend/models/token_merging.h"

namespace tempera::frontend {

// Which part of the UNet a graph holds (Ma, Fang and Wang, "DeepCache", 2023, branch 0). The
// deep feature is what the last layer of the last up block is given beside its skip connection: it
// changes slowly from step to step.
enum class UnetPart : uint8_t {
  all,
  all_with_deep,  // the deep feature is one more output, `deep`
  shallow,        // only what lies outside of it, which is an input, `deep`
};

struct UnetOptions {
  TokenMerging token_merging;
  UnetPart part = UnetPart::all;
};

// Inputs `sample` f32 [batch, in_channels, height, width] and `timestep` f32 [batch] of rate step,
// `encoder_hidden_states` f32 [batch, tokens, cross_attention_dim] of rate prompt. Output `sample`
// f32 [batch, out_channels, height, width]. `deep`, see UnetPart: f32 [batch, c, height, width] of
// rate step. Any size: up-sampling goes to the size of the skip connection. data_loss: weights that
// the config contradicts. invalid_argument: a size that cannot be.
Result<ComponentGraph> build_unet(const UnetConfig& config, const Weights& weights,
                                  const ComponentSize& size, const UnetOptions& options = {});

}  // namespace tempera::frontend
