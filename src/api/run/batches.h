#pragma once

#include <vector>

#include "api/run/generate.h"

namespace tempera::api {

// Some of the pictures of a request.
diffusion::PictureRequest pictures_of(const diffusion::PictureRequest& request, int64_t first,
                                      int64_t count);

// A request of several batches as one a batch, in order. `batches` divides its pictures.
std::vector<diffusion::PictureRequest> split(const diffusion::PictureRequest& request,
                                             int64_t batches);

// The results of one run behind those of the runs before. Latents of steps are the first's: they
// are of one batch.
void append(Generated part, Generated& all);

}  // namespace tempera::api
