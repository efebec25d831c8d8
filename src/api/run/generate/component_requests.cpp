#include "api/run/generate/component_requests.h"

#include <algorithm>
#include <iterator>

#include "diffusion/vae_tiles.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;

UnetPart part_of(diffusion::CallKind kind, const PictureRequest& request) {
  if (kind.shallow) return UnetPart::shallow;
  return request.saving.deep_cache > 1 ? UnetPart::all_with_deep : UnetPart::all;
}

}  // namespace

bool encodes_images(const PictureRequest& request, const ModelInfo& info) {
  return !request.init.images.empty() || info.unet_channels != info.latent_channels;
}

ComponentRequests component_requests(const PictureRequest& request,
                                     const diffusion::PicturePlan& plan, const ModelInfo& info,
                                     const MemoryMeans& means) {
  const diffusion::PromptPlan& prompts = plan.prompts;
  const auto pictures = static_cast<int64_t>(request.seeds.size());
  // The text encoder takes any number of rows, so many at once.
  const int64_t at_once = prompts.has_negative ? 2 : 1;
  const int64_t height = request.height / info.vae_scale, width = request.width / info.vae_scale;
  ComponentRequests requests{.vae_decoder = {.component = "vae_decoder",
                                             .height = height,
                                             .width = width,
                                             .tiling = request.tiling && means.decode_tile == 0}};
  for (const diffusion::PromptRow& row : prompts.contexts.front())
    requests.text_encoder[row[0].clip_skip] = {.component = "text_encoder",
                                               .batch = at_once,
                                               .tokens = info.text_tokens,
                                               .clip_skip = row[0].clip_skip};
  const int64_t margin = request.tiling ? 2 * diffusion::kWrapMargin : 0;
  if (means.decode_tile > 0) {
    requests.vae_decoder.height = std::min(height + margin, means.decode_tile);
    requests.vae_decoder.width = std::min(width + margin, means.decode_tile);
  }
  if (encodes_images(request, info))
    requests.vae_encoder = {.component = "vae_encoder",
                            .height = request.height,
                            .width = request.width,
                            .tiling = request.tiling && means.encode_tile == 0};
  if (requests.vae_encoder && means.encode_tile > 0) {
    requests.vae_encoder->height = std::min(height + margin, means.encode_tile) * info.vae_scale;
    requests.vae_encoder->width = std::min(width + margin, means.encode_tile) * info.vae_scale;
  }
  for (const diffusion::CallKind kind :
       diffusion::call_kinds(request, std::ssize(plan.sampler.timesteps))) {
    const int64_t rows = std::ssize(prompts.part_weights) + (kind.guided ? 1 : 0);
    requests.unet[kind] = {.component = "unet",
                           .batch = rows * pictures,
                           .height = height,
                           .width = width,
                           .tokens = prompts.chunks * info.text_tokens,
                           .repeat = rows,
                           .token_merging = request.saving.token_merging,
                           .part = part_of(kind, request),
                           .tiling = request.tiling};
  }
  return requests;
}

}  // namespace tempera::api
