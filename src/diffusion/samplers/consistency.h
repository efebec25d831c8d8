#pragma once

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// What the samplers of distilled models share (LCM, TCD): their timesteps are a part of those that
// the model was distilled with, `original_inference_steps` of the config, and every step but the
// last may draw noise. Sets them and the alphas.
Status plan_consistency(SamplerPlan& plan, bool draws);

}  // namespace tempera::diffusion
