#pragma once

#include <span>

#include "diffusion/request.h"

namespace tempera::diffusion {

// A guided call's rows become one row a picture: negative + scale * (prompt - negative), left in
// the first part of `output`, which is returned.
std::span<const float> guide(const PictureRequest& request, std::span<float> output);

}  // namespace tempera::diffusion
