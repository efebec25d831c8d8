#pragma once

#include <span>

#include "diffusion/request.h"

namespace tempera::diffusion {

// A call's rows, by prompt, then picture, become one row a picture, left in the first part of
// `output`, which is returned. `weights` are those of the prompt's parts.
// Guided, with the negative prompt's rows first: negative + scale * sum(weight * (part -
// negative)). Otherwise the mean of the parts by weight.
std::span<const float> guide(double scale, std::span<const double> weights, bool guided,
                             std::span<float> output);

}  // namespace tempera::diffusion
