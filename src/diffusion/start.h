#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "diffusion/components.h"
#include "diffusion/noise_source.h"
#include "diffusion/request.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// The plan of a request, shortened by the strength of its init image.
Result<SamplerPlan> make_plan(const PictureRequest& request, const SchedulerConfig& config);

// What the loop keeps of the init images. Of all pictures, one after another.
struct Start {
  // What is kept is put back after each step, if the UNet does not see it: latents of the init
  // images, the noise that they got, both [pictures, 4, h, w], and the mask [h, w]; or empty.
  std::vector<float> clean, noise, mask;
  std::vector<float> kept;  // of put_back, which allocates once
  // The channels that the UNet takes beside the sample: mask and latents of the init image without
  // what is repainted, [pictures, 5, h, w]; or empty.
  std::vector<float> condition;
};

// Fills `latents`, [pictures, 4, h, w], for the first step: noise, the request's own latents, or
// noised init images. Encodes what it needs and draws in diffusers' order: the init images'
// posterior, the noise, the masked images' posterior.
Result<Start> start(const PictureRequest& request, const ModelSettings& model,
                    const Components& components, const SamplerPlan& plan, NoiseSource& noise,
                    std::span<float> latents);

// a1111: puts what is kept into the x0 that the model's `output` of the call stands for.
void keep_in_output(const Start& start, const SamplerPlan& plan, size_t call,
                    std::span<const float> latents, std::span<float> output);

// Puts back what is kept, at the noise level before `next_call`; with a1111 only after the last.
void put_back(Start& start, const SamplerPlan& plan, size_t next_call, std::span<float> latents);

}  // namespace tempera::diffusion
