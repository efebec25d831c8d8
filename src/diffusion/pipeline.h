#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/image.h"
#include "diffusion/sampler.h"
#include "diffusion/scheduler_config.h"
#include "diffusion/tokenizer.h"

namespace tempera::diffusion {

// What a call of the UNet runs.
struct CallKind {
  bool guided = false;   // the negative prompt too
  bool shallow = false;  // may reuse the deep feature of the last call that was not
  auto operator<=>(const CallKind&) const = default;
};
struct ModelCall {
  std::span<const float> sample;  // f32 [pictures, 4, height / 8, width / 8]
  float timestep;                 // may be fractional
  CallKind kind;
};

// What the loop needs of a model, as functions, so that it runs on any backend and without any.
// Tensors are dense row-major.
struct Components {
  // ids i32 [rows, tokens] -> hidden states f32 [rows, tokens, width].
  std::function<Result<Tensor>(const Tensor& ids)> encode;
  // Called once before the steps: f32 [model batch, tokens, width]; what depends on it alone is
  // computed here. The values need not outlive the call.
  std::function<Status(const Tensor& context)> bind_context;
  // Output: one row a picture, for the context's last rows, or if the call is guided two: its
  // halves see the same samples.
  std::function<Status(const ModelCall& call, std::span<float> output)> denoise;
  // One picture: latent f32 [1, 4, height / 8, width / 8], divided by scaling_factor -> planes f32
  // [1, 3, height, width], about -1..1.
  std::function<Status(std::span<const float> latent, std::span<float> planes)> decode;
};

// What the loop needs to know of a model.
struct ModelSettings {
  const Tokenizer* tokenizer = nullptr;
  SchedulerConfig scheduler;
  int64_t vocabulary = 0;    // tokens that the text encoder knows; 0 is not checked
  int64_t text_tokens = 77;  // the length that prompts are cut and padded to
  int64_t latent_channels = 4;
  int64_t vae_scale = 8;  // pixels a latent, along each side
  double scaling_factor = 0.18215;
};

// Which tokens the UNet's transformer blocks merge; see frontend/models/token_merging.h.
struct TokenMerging {
  double ratio = 0;            // of a block's tokens, 0 to 0.75; 0: none
  int64_t max_downsample = 1;  // 1, 2, 4 or 8
  bool cross_attention = false, mlp = false;
  auto operator<=>(const TokenMerging&) const = default;
};
// invalid_argument for a value out of range, or one that has no effect.
Status check(const TokenMerging& merging);

// Work left out by choice. What is set here changes the picture.
struct WorkSaving {
  TokenMerging token_merging;
  int64_t deep_cache = 1;  // the UNet's deep part runs in every so many calls
  // The negative prompt is run in this part of the model calls, 0 to 1.
  double guidance_from = 0, guidance_to = 1;
};

struct TextToImage {
  std::string prompt;
  std::string negative_prompt;
  int64_t width = 512;
  int64_t height = 512;
  double guidance_scale = 7.5;  // above 1: the negative prompt is run too
  SamplerOptions sampler;
  std::vector<uint64_t> seeds = {0};  // one a picture: the batch
  // f32 [pictures, 4, height / 8, width / 8] in the place of the noise, or empty; like noise it is
  // multiplied by the sampler's init_noise_sigma (diffusers' `latents`).
  std::vector<float> initial_latents;
  bool keep_steps = false;
  WorkSaving saving;
};

// invalid_argument for settings of `saving` that are out of range or make no sense with the rest.
Status check_saving(const TextToImage& request);

// Of each of `calls` calls. The first of each run of calls of equal `guided` is not shallow.
std::vector<CallKind> call_kinds(const TextToImage& request, int64_t calls);

enum class Stage { encode, denoise, decode };
struct Progress {
  Stage stage;
  int64_t done;  // prompts, model calls or pictures of this stage so far
  int64_t total;
};
// Called at the start and after each part of a stage; false stops with ErrorCode::cancelled.
using ProgressFunction = std::function<bool(const Progress&)>;

struct Pictures {
  Tensor latents;  // f32 [pictures, 4, h, w], before the division by scaling_factor
  std::vector<Tensor> step_latents;  // after each model call, with keep_steps
  std::vector<Image> images;
  SamplerPlan plan;
};

// The rows of a model call: twice the pictures with guidance, the negative prompt's first.
int64_t model_batch(const TextToImage& request);

// The prompts' ids, i32 [rows, tokens]: the negative prompt's row first, if guidance needs it.
Tensor prompt_ids(const TextToImage& request, const ModelSettings& model);

// Everything from the prompt to the pictures, as diffusers' StableDiffusionPipeline with one
// generator a picture. `invalid_argument` for a size, guidance or latents that make no sense,
// before any component is called.
Result<Pictures> text_to_image(const TextToImage& request, const ModelSettings& model,
                               const Components& components, const ProgressFunction& progress = {});

}  // namespace tempera::diffusion
