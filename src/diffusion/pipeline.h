#pragma once

#include <vector>

#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/components.h"
#include "diffusion/image/image.h"
#include "diffusion/picture_plan.h"
#include "diffusion/progress.h"
#include "diffusion/request.h"

namespace tempera::diffusion {

struct Pictures {
  Tensor latents;  // f32 [pictures, 4, h, w], before the division by scaling_factor
  std::vector<Tensor> step_latents;  // after each model call, with keep_steps
  std::vector<Image> images;
};

// Everything from the prompt to the pictures, as diffusers' StableDiffusionPipeline with one
// generator a picture. `picture` is the plan of both. `invalid_argument` for a size, guidance or
// latents that make no sense, before any component is called.
Result<Pictures> make_pictures(const PictureRequest& request, const ModelSettings& model,
                               const PicturePlan& picture, const Components& components,
                               const ProgressFunction& progress = {});

}  // namespace tempera::diffusion
