#include <iterator>
#include <random>

#include "api/run/generate.h"
#include "api/run/picture_size.h"
#include "base/text.h"
#include "diffusion/latents.h"
#include "tensor_file/tensor_file.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;

constexpr int64_t kMaxBatch = 512;

// A seed that can be said: A1111's range.
uint64_t random_seed() { return std::random_device()(); }

template <typename T>
T first_of(const std::optional<T>& said, const std::optional<T>& model, T fallback) {
  return said ? *said : model.value_or(std::move(fallback));
}

Status resolve_sampler(const GenerateSettings& settings, const ModelInfo& info,
                       diffusion::SamplerOptions& options) {
  const ModelDefaults& defaults = info.defaults;
  options.compat = settings.compat;
  options.k = settings.k;
  const bool is_k = settings.compat == diffusion::Compat::a1111;
  options.sampler = first_of<std::string>(settings.sampler, defaults.sampler, "dpm++2m");
  // A model's own sampler may be one that AUTOMATIC1111 has otherwise.
  if (is_k && !settings.sampler && !diffusion::find_sampler(options.sampler, options.compat).ok())
    options.sampler = "dpm++2m";
  options.steps = first_of<int64_t>(settings.steps, defaults.steps, 20);
  ASSIGN_OR_RETURN(const auto choice, diffusion::find_sampler(options.sampler, options.compat));
  // A schedule in tempera.json goes with the sampler there, not with any that the user names.
  std::optional<std::string> schedule = settings.schedule;
  if (!schedule && !choice.schedule && !is_k) {
    const std::string own = defaults.sampler.value_or("dpm++2m");
    ASSIGN_OR_RETURN(const auto own_choice, diffusion::find_sampler(own));
    if (own_choice.sampler == choice.sampler) schedule = defaults.schedule;
  }
  if (schedule) {
    ASSIGN_OR_RETURN(options.schedule, diffusion::parse_schedule(*schedule, options.compat));
  }
  // sgm_uniform names a spacing itself; AUTOMATIC1111's schedules have none.
  const bool has_spacing = is_k || options.schedule == diffusion::Schedule::sgm_uniform;
  const auto spacing = settings.timestep_spacing || has_spacing ? settings.timestep_spacing
                                                                : defaults.timestep_spacing;
  if (spacing) {
    ASSIGN_OR_RETURN(options.spacing,
                     diffusion::parse_timestep_spacing(*spacing, "--timestep-spacing"));
  }
  if (settings.prediction) {
    ASSIGN_OR_RETURN(options.prediction,
                     diffusion::parse_prediction(*settings.prediction, "--prediction"));
  }
  options.eta = settings.eta;
  options.rescale_betas_zero_snr = settings.rescale_betas_zero_snr;
  return {};
}

Status resolve_seeds(const GenerateSettings& settings, PictureRequest& request) {
  std::vector<uint64_t> seeds = settings.seeds;
  if (seeds.empty()) seeds.push_back(random_seed());
  const int64_t seeded = std::ssize(seeds);
  const int64_t batches = settings.batch_count;
  const int64_t batch = settings.batch_size.value_or(seeded % batches == 0 ? seeded / batches : 1);
  if (batch < 1 || batch > kMaxBatch)
    return error(ErrorCode::invalid_argument, "a batch of {} pictures is not within 1 to {}", batch,
                 kMaxBatch);
  ASSIGN_OR_RETURN(request.seeds, diffusion::picture_seeds(seeds, batch * batches, settings.noise));
  return {};
}

Status resolve_latents(const GenerateSettings& settings, const ModelInfo& info,
                       PictureRequest& request) {
  if (!settings.initial_latents) return {};
  const Tensor& latents = *settings.initial_latents;
  const Shape wanted = {static_cast<int64_t>(request.seeds.size()), info.latent_channels,
                        request.height / info.vae_scale, request.width / info.vae_scale};
  if (latents.dtype != DType::f32 || latents.shape != wanted)
    return error(ErrorCode::invalid_argument,
                 "the initial latents are {} {}, but a batch of {} pictures of {}x{} takes f32 {}",
                 name(latents.dtype), to_string(latents.shape), request.seeds.size(), request.width,
                 request.height, to_string(wanted));
  request.initial_latents.assign(latents.as<float>().begin(), latents.as<float>().end());
  return {};
}

// Reads those textual inversions that the prompts name.
Status resolve_embeddings(const GenerateSettings& settings, const ModelInfo& info,
                          PictureRequest& request) {
  if (settings.embedding_folder.empty()) return {};
  ASSIGN_OR_RETURN(const auto files, diffusion::list_embeddings(settings.embedding_folder));
  const std::string text = request.prompt + "\n" + request.negative_prompt;
  for (const diffusion::EmbeddingFile& file : diffusion::embeddings_in(text, files)) {
    ASSIGN_OR_RETURN(const TensorFile opened, TensorFile::open(file.path));
    ASSIGN_OR_RETURN(diffusion::Embedding embedding,
                     diffusion::make_embedding(file, opened.tensors(), info.context_width));
    request.embeddings.push_back(std::move(embedding));
  }
  return {};
}

Status check_model(const ModelInfo& info) {
  for (const char* part : {"text_encoder", "unet", "vae"})
    if (!info.weights.contains(part))
      return error(ErrorCode::not_found,
                   "{} has no {}; making a picture takes text_encoder, unet and vae", info.name,
                   part);
  if (info.tokenizer_folder.empty())
    return error(ErrorCode::not_found, "{} has no tokenizer folder", info.name);
  if (info.scheduler_config.empty())
    return error(ErrorCode::not_found, "{} has no scheduler/scheduler_config.json", info.name);
  // Mask, and the latents of what is not masked.
  if (info.unet_channels != info.latent_channels &&
      info.unet_channels != 2 * info.latent_channels + 1)
    return error(ErrorCode::unsupported,
                 "the UNet of {} takes {} channels; generate knows text-to-image models of {} and "
                 "inpainting models of {}",
                 info.name, info.unet_channels, info.latent_channels, 2 * info.latent_channels + 1);
  return {};
}

Status check_hires(const PictureRequest& request, const ModelInfo& info) {
  TRY(diffusion::check(request.hires));
  if (!is_given(request.hires)) return {};
  if (!request.mask.repaint.empty())
    return error(
        ErrorCode::unsupported,
        "--hires goes over the whole picture again, also over what --mask and --extend keep; use "
        "--only-masked, which works on the masked part at the full size, or enlarge afterwards");
  return check_size(diffusion::hires_size(request, info.vae_scale), info);
}

}  // namespace

Result<PictureRequest> resolve(const GenerateSettings& settings, const ModelInfo& info) {
  TRY(check_model(info));
  const ModelDefaults& defaults = info.defaults;
  PictureRequest request;
  request.prompt = settings.prompt;
  request.negative_prompt =
      first_of<std::string>(settings.negative_prompt, defaults.negative_prompt, "");
  request.prompts = settings.prompts;
  // With an init image the size is its own.
  const bool is_open = settings.init.image.empty();
  const auto side = [&](std::optional<int64_t> own, int64_t sample) {
    return is_open ? own.value_or(sample * info.vae_scale) : 0;
  };
  request.width = settings.width.value_or(side(defaults.width, info.sample_width));
  request.height = settings.height.value_or(side(defaults.height, info.sample_height));
  TRY(resolve_init_image(settings.init, info, request));
  request.guidance_scale = first_of(settings.guidance_scale, defaults.guidance_scale, 7.5);
  request.guidance_rescale = settings.guidance_rescale;
  request.keep_steps = settings.keep_steps;
  request.saving = settings.saving;
  request.hires = settings.hires;
  request.tiling = settings.tiling;
  TRY(check_hires(request, info));
  request.noise = settings.noise;
  TRY(diffusion::check(request.noise));
  TRY(diffusion::check(request.saving, diffusion::is_guided(request)));
  TRY(check_size({request.width, request.height}, info));
  TRY(resolve_sampler(settings, info, request.sampler));
  TRY(resolve_seeds(settings, request));
  TRY(resolve_latents(settings, info, request));
  TRY(resolve_embeddings(settings, info, request));
  return request;
}

}  // namespace tempera::api
