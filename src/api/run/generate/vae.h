#pragma once

#include <span>

#include "api/run/generate/prepared_pass.h"

namespace tempera::api {

// The VAE, at once or in tiles as the pass's means say.

// One picture's latent, divided by scaling_factor -> its planes [3, height, width]. Frees the UNet
// first, if the pass's means say so.
Status decode(Session& session, const PreparedPass& pass, std::span<const float> latent,
              std::span<float> planes);

// One picture's planes -> the means and the logarithms of the variances of its latent, [2 channels,
// latent height, latent width].
Status encode_image(Session& session, const PreparedPass& pass, std::span<const float> planes,
                    std::span<float> moments);

}  // namespace tempera::api
