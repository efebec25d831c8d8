#include "api/run/generate/preview.h"

#include <algorithm>

#include "api/run/generate/vae.h"
#include "diffusion/preview.h"

namespace tempera::api {

Result<std::vector<diffusion::Image>> preview_pictures(Session& session, const PreparedPass& pass,
                                                       std::span<const float> latents,
                                                       PreviewKind kind) {
  const diffusion::PictureRequest& request = pass.request;
  const ModelInfo& info = session.info();
  if (kind == PreviewKind::vae && pass.means.frees_unet)
    return error(ErrorCode::unsupported,
                 "a preview by the VAE takes memory beside the UNet; raise --max-memory or pass "
                 "--preview linear");
  const diffusion::LatentColors& colors = info.defaults.latent_colors
                                              ? *info.defaults.latent_colors
                                              : diffusion::stable_diffusion_colors();
  const size_t count = latents.size() / request.seeds.size();
  std::vector<float> scaled(count), planes(static_cast<size_t>(3 * request.width * request.height));
  std::vector<diffusion::Image> images;
  for (size_t i = 0; i < request.seeds.size(); ++i) {
    const auto latent = latents.subspan(i * count, count);
    if (kind == PreviewKind::linear) {
      images.push_back(diffusion::latent_image(latent, request.width / info.vae_scale,
                                               request.height / info.vae_scale, colors));
      continue;
    }
    const auto factor = static_cast<float>(info.scaling_factor);
    std::ranges::transform(latent, scaled.begin(), [factor](float x) { return x / factor; });
    TRY(decode(session, pass, scaled, planes));
    images.push_back(diffusion::image_from_planes(planes, request.width, request.height));
  }
  return images;
}

}  // namespace tempera::api
