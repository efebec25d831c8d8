#pragma once

#include "frontend/checkpoint/vae_config.h"
#include "frontend/checkpoint/weights.h"
#include "frontend/models/component_graph.h"

namespace tempera::frontend {

// For pictures that are decoded and encoded in tiles: `global` is what looks at all places, at the
// latent's resolution (the mid block and the layers before it in the decoder, behind it in the
// encoder), `local` the blocks that change the resolution, whose group norms take the moments of
// the whole picture from outside (ModuleBuilder::share_moments). Between them are `features`, f32
// [batch, channels, latent height, latent width], in the place of one's output and the other's
// input.
enum class VaePart : uint8_t { all, global, local };

// Both are as diffusers' AutoencoderKL.decode and .encode take and give them: no scaling_factor or
// shift_factor applied. Errors as build_unet.

// Input `latent` f32 [batch, latent_channels, height, width] of rate step; output `image` f32
// [batch, out_channels, height * k, width * k] about -1..1, k = downscaling(config).
Result<ComponentGraph> build_vae_decoder(const VaeConfig& config, const Weights& weights,
                                         const ComponentSize& size, VaePart part = VaePart::all);

// Input `image` f32 [batch, in_channels, height, width] of rate step; output `moments` f32 [batch,
// 2 * latent_channels, height / k, width / k]: the means, then the logarithms of the variances.
Result<ComponentGraph> build_vae_encoder(const VaeConfig& config, const Weights& weights,
                                         const ComponentSize& size, VaePart part = VaePart::all);

}  // namespace tempera::frontend
