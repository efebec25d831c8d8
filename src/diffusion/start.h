#pragma once

#include <span>

#include "diffusion/noise_source.h"
#include "diffusion/request.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// The latents that the first step takes: noise, or the request's own latents, at the plan's level.
void set_initial_latents(const PictureRequest& request, const SamplerPlan& plan, NoiseSource& noise,
                         std::span<float> latents);

}  // namespace tempera::diffusion
