#pragma once

#include "frontend/models/module_builder.h"
#include "frontend/models/token_merging.h"

namespace tempera::frontend {

struct TransformerOptions {
  int64_t heads;
  int64_t groups;             // of the group norm before it
  bool linear_projection;     // project [n, h * w, c] by linear layers, not [n, c, h, w] by 1x1
                              // convolutions
  bool only_cross_attention;  // the first attention attends to the text too
  TokenMerging merging = {};
  int64_t latent_places = 0;  // height times width of the UNet's input, for merging
};

// diffusers' Transformer2DModel with one BasicTransformerBlock: x [n, c, h, w] and the text [n,
// tokens, d] -> [n, c, h, w].
ValueId transformer(ModuleBuilder& m, std::string_view layer, ValueId x, ValueId text,
                    const TransformerOptions& options);

}  // namespace tempera::frontend
