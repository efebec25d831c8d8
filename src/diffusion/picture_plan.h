#pragma once

#include "base/status.h"
#include "diffusion/components.h"
#include "diffusion/prompt/prompt_plan.h"
#include "diffusion/request.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// What a request comes to before any component is called.
struct PicturePlan {
  SamplerPlan sampler;
  PromptPlan prompts;
};
// The sampler shortened by the strength of the init image, and the prompts as the text encoder
// takes them. Errors of make_sampler_plan and make_prompt_plan.
Result<PicturePlan> plan_pictures(const PictureRequest& request, const ModelSettings& model);

}  // namespace tempera::diffusion
