#pragma once

#include <span>
#include <vector>

#include "api/run/generate/prepared_pass.h"

namespace tempera::api {

// The pictures of latents that a sampler holds, [pictures, 4, h, w].
Result<std::vector<diffusion::Image>> preview_pictures(Session& session, const PreparedPass& pass,
                                                       std::span<const float> latents,
                                                       PreviewKind kind);

}  // namespace tempera::api
