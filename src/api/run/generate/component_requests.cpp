#include "api/run/generate/component_requests.h"

#include <iterator>

#include "diffusion/vae_tiles.h"

namespace tempera::api {
namespace {

using diffusion::PictureRequest;

UnetPart part_of(diffusion::CallKind kind, const PictureRequest& request) {
  if (kind.shallow) return UnetPart::shallow;
  return request.saving.deep_cache > 1 ? UnetPart::all_with_deep : UnetPart::all;
}

// `tile` elements of the latent along a tile's sides; 0: no tiles.
VaeRequests vae_requests(const std::string& component, const PictureRequest& request,
                         const ModelInfo& info, int64_t tile) {
  const bool decodes = component == "vae_decoder";
  const int64_t scale = info.vae_scale, extent = decodes ? 1 : scale;  // of an element of a latent
  ComponentRequest whole{.component = component,
                         .height = request.height / scale * extent,
                         .width = request.width / scale * extent,
                         .tiling = request.tiling};
  if (tile == 0) return {whole};
  const int64_t margin = request.tiling ? 2 * diffusion::kWrapMargin : 0;
  const auto side = [&](int64_t pixels) {
    return diffusion::tile_extent(pixels / scale + margin, tile) * extent;
  };
  ComponentRequest tiled{
      .component = component, .height = side(request.height), .width = side(request.width)};
  if (decodes && info.weights.contains("taesd")) return {tiled};
  whole.vae_part = VaePart::global;
  tiled.vae_part = VaePart::local;
  return decodes ? VaeRequests{whole, tiled} : VaeRequests{tiled, whole};
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
  ComponentRequests requests{.vae_decoder =
                                 vae_requests("vae_decoder", request, info, means.decode_tile)};
  for (const diffusion::PromptRow& row : prompts.contexts.front())
    requests.text_encoder[row[0].clip_skip] = {.component = "text_encoder",
                                               .batch = at_once,
                                               .tokens = info.text_tokens,
                                               .clip_skip = row[0].clip_skip};
  if (encodes_images(request, info))
    requests.vae_encoder = vae_requests("vae_encoder", request, info, means.encode_tile);
  for (const diffusion::CallKind kind :
       diffusion::call_kinds(request, std::ssize(plan.sampler.timesteps))) {
    const int64_t rows = std::ssize(prompts.part_weights) + (kind.guided ? 1 : 0);
    requests.unet[kind] = {.component = "unet",
                           .batch = rows * pictures,
                           .height = request.height / info.vae_scale,
                           .width = request.width / info.vae_scale,
                           .tokens = prompts.chunks * info.text_tokens,
                           .repeat = rows,
                           .token_merging = request.saving.token_merging,
                           .part = part_of(kind, request),
                           .tiling = request.tiling};
  }
  return requests;
}

}  // namespace tempera::api
