#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/run/init_image.h"
#include "api/run/memory.h"
#include "api/run/session.h"
#include "base/status.h"
#include "base/tensor.h"
#include "diffusion/pipeline.h"

namespace tempera::api {

// What a user may say of a picture; what is left open comes from the model's tempera.json, then
// from the model's config, then from the program's own defaults (dpm++2m karras, 20 steps, 7.5).
struct GenerateSettings {
  std::string prompt;
  std::optional<std::string> negative_prompt;
  diffusion::PromptSettings prompts;
  std::string embedding_folder;  // of textual inversions; empty: none
  std::optional<int64_t> width, height, steps;
  std::optional<double> guidance_scale;
  std::optional<std::string> sampler, schedule, timestep_spacing, prediction;
  std::optional<double> eta;
  bool rescale_betas_zero_snr = false;
  double guidance_rescale = 0.0;
  std::vector<uint64_t> seeds;        // none: one at random
  std::optional<int64_t> batch_size;  // none: as many as there are seeds
  int64_t batch_count = 1;            // as many pictures times this, see batches_of
  std::optional<Tensor> initial_latents;
  InitImageSettings init;
  diffusion::HiresInput hires;
  bool tiling = false;
  bool keep_steps = false;
  diffusion::NoiseSettings noise;
  diffusion::Compat compat = diffusion::Compat::diffusers;
  diffusion::KOptions k;  // of a1111's samplers
  diffusion::WorkSaving saving;
};

// All of it decided, and checked against the model: what the loop takes.
Result<diffusion::PictureRequest> resolve(const GenerateSettings& settings, const ModelInfo& info);

// The parts of a run, in order; `denoise` counts model calls.
enum class GenerateStage { compile, encode, load, denoise, decode };
std::string_view name(GenerateStage stage);
enum class PreviewKind { linear, vae };
struct GenerateProgress {
  GenerateStage stage;
  int64_t done, total;
  std::string detail;  // the component that is compiled or loaded
  // After a model call: the pictures as they are by now. `linear` costs nothing and has a pixel for
  // 8x8; `vae` decodes, and is unsupported where the memory for that is not there. Null elsewhere,
  // and not to be kept.
  std::function<Result<std::vector<diffusion::Image>>(PreviewKind kind)> preview = {};
};
// False stops with ErrorCode::cancelled.
using GenerateProgressFunction = std::function<bool(const GenerateProgress&)>;

struct GeneratedPicture {
  diffusion::Image image;
  uint64_t seed;
  std::string parameters;  // the settings, as AUTOMATIC1111 writes them
};
struct Generated {
  std::vector<GeneratedPicture> pictures;
  Tensor latents;  // f32 [pictures, 4, h, w], before the division by scaling_factor
  std::vector<Tensor> step_latents;
  std::map<GenerateStage, double> seconds;
};
// Whether the VAE encodes for it: init images, or what a UNet with more channels sees beside them.
bool encodes_images(const diffusion::PictureRequest& request, const ModelInfo& info);

// How a picture gets by with less memory than it would take; each costs time.
struct MemoryMeans {
  bool frees_unet = false;  // before decoding; the next pictures load it again
  int64_t decode_tile = 0;  // elements of the latent along a tile's sides; 0: decodes all at once
  int64_t encode_tile = 0;  // the same of init images
  int64_t pictures = 0;     // of a batch at once; 0: all
  bool operator==(const MemoryMeans&) const = default;
};

Result<Generated> generate(Session& session, const diffusion::PictureRequest& request,
                           const GenerateProgressFunction& progress = {},
                           const MemoryMeans& means = {});

// What generate() would take, without reading a weight. Plans that are not in the cache are
// compiled.
struct MemoryPrediction {
  std::vector<ComponentMemory> components;
  int64_t peak = 0;
};
Result<MemoryPrediction> predict_memory(Session& session, const diffusion::PictureRequest& request,
                                        const MemoryMeans& means = {});

// The settings of the request's picture `index` as text, as it stands in the PNG.
std::string parameters_text(const diffusion::PictureRequest& request,
                            const diffusion::SamplerPlan& plan, const ModelInfo& info,
                            size_t index);

}  // namespace tempera::api
