#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "diffusion/hires.h"
#include "diffusion/image/composite.h"
#include "diffusion/img2img.h"
#include "diffusion/inpaint.h"
#include "diffusion/noise/noise_settings.h"
#include "diffusion/prompt/embedding.h"
#include "diffusion/prompt/prompt_settings.h"
#include "diffusion/samplers/sampler.h"
#include "diffusion/saving.h"

namespace tempera::diffusion {

// What is asked for: one prompt, one picture a seed.
struct PictureRequest {
  std::string prompt;
  std::string negative_prompt;
  std::vector<Embedding> embeddings;  // that the prompts name
  PromptSettings prompts;
  int64_t width = 512;
  int64_t height = 512;
  double guidance_scale = 7.5;    // above 1: the negative prompt is run too
  double guidance_rescale = 0.0;  // 0 to 1: see guidance_rescale.h
  SamplerOptions sampler;
  NoiseSettings noise;
  std::vector<uint64_t> seeds = {0};  // one a picture: the batch
  // f32 [pictures, 4, height / 8, width / 8] in the place of the noise, or empty; like noise it is
  // multiplied by the sampler's init_noise_sigma (diffusers' `latents`).
  std::vector<float> initial_latents;
  ImageInput init;
  MaskInput mask;       // of the init images
  Composite composite;  // of finished pictures
  HiresInput hires;
  bool tiling = false;  // opposite sides meet
  bool decodes = true;  // false: latents are all that is wanted
  bool keep_steps = false;
  WorkSaving saving;
};

// Prompts that AND joins are measured from the negative one at any scale.
bool is_guided(const PictureRequest& request);

// What a call of the UNet runs.
struct CallKind {
  bool guided = false;   // the negative prompt too
  bool shallow = false;  // may reuse the deep feature of the last call that was not
  auto operator<=>(const CallKind&) const = default;
};
// Of each of `calls` calls. The first of each run of calls of equal `guided` is not shallow.
std::vector<CallKind> call_kinds(const PictureRequest& request, int64_t calls);

}  // namespace tempera::diffusion
