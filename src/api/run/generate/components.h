#pragma once

#include <span>

#include "api/run/generate/denoiser.h"
#include "api/run/generate/prepared_pass.h"
#include "api/run/generate/watch.h"

namespace tempera::api {

// The session's components as the loop calls them, loaded when they are first called. All that is
// given outlives it.
diffusion::Components components_of(Session& session, const PreparedPass& pass, Denoiser& denoiser,
                                    Watch& watch);

// One picture's latent, divided by scaling_factor -> its planes. Frees the UNet and decodes in
// tiles, if the pass's means say so.
Status decode(Session& session, const PreparedPass& pass, std::span<const float> latent,
              std::span<float> planes);

}  // namespace tempera::api
