#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/prompt/tokenizer.h"
#include "diffusion/request.h"
#include "diffusion/samplers/scheduler_config.h"

namespace tempera::diffusion {

struct ModelCall {
  std::span<const float> sample;  // f32 [pictures, unet_channels, height / 8, width / 8]
  float timestep;                 // may be fractional
  CallKind kind;
};

// What the loop needs of a model, as functions, so that it runs on any backend and without any.
// Tensors are dense row-major.
struct Components {
  // ids i32 [rows, tokens] -> hidden states f32 [rows, tokens, width].
  // `clip_skip`: see PromptSettings.
  std::function<Result<Tensor>(const Tensor& ids, int64_t clip_skip)> encode;
  // Called before the steps that take it: f32 [model batch, tokens, width]; what depends on it
  // alone is computed here. The values need not outlive the call.
  std::function<Status(const Tensor& context)> bind_context;
  // Output: one row a picture for each part of the prompt, for the context's last rows; before
  // them, if the call is guided, one for the negative prompt. Every such group sees the same
  // samples.
  std::function<Status(const ModelCall& call, std::span<float> output)> denoise;
  // Called for init images, before bind_context.
  EncodeImage encode_image;
  // One picture: latent f32 [1, 4, height / 8, width / 8], divided by scaling_factor -> planes f32
  // [1, 3, height, width], about -1..1.
  std::function<Status(std::span<const float> latent, std::span<float> planes)> decode;
};

// What the loop needs to know of a model.
struct ModelSettings {
  std::optional<Tokenizer> tokenizer;
  SchedulerConfig scheduler;
  int64_t vocabulary = 0;    // tokens that the text encoder knows; 0 is not checked
  int64_t text_tokens = 77;  // the length that prompts are cut and padded to
  int64_t latent_channels = 4;
  int64_t unet_channels = 4;  // 9 of an inpainting model: sample, mask, masked latents
  int64_t vae_scale = 8;      // pixels a latent, along each side
  double scaling_factor = 0.18215;
};

}  // namespace tempera::diffusion
