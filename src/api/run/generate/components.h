#pragma once

#include "api/run/generate/denoiser.h"
#include "api/run/generate/prepared_pass.h"
#include "api/run/generate/watch.h"

namespace tempera::api {

// The session's components as the loop calls them, loaded when they are first called. All that is
// given outlives it.
diffusion::Components components_of(Session& session, const PreparedPass& pass, Denoiser& denoiser,
                                    Watch& watch);

}  // namespace tempera::api
