#include "api/run/init_image.h"

#include "diffusion/image/png.h"

namespace tempera::api {

using diffusion::Image;
using diffusion::PictureRequest;

namespace {

// The sides of the image that the model can make.
void set_open_size(const Image& image, const ModelInfo& info, PictureRequest& request) {
  const auto side = [&](int64_t pixels) { return pixels - pixels % info.vae_scale; };
  if (request.width == 0) request.width = side(image.width);
  if (request.height == 0) request.height = side(image.height);
}

Status check_unused(const InitImageSettings& settings) {
  if (settings.strength)
    return error(ErrorCode::invalid_argument, "--strength needs an --init-image");
  return {};
}

}  // namespace

Status resolve_init_image(const InitImageSettings& settings, const ModelInfo& info,
                          PictureRequest& request) {
  if (settings.image.empty()) return check_unused(settings);
  ASSIGN_OR_RETURN(const diffusion::PngPicture picture, diffusion::read_png(settings.image));
  set_open_size(picture.image, info, request);
  request.init.images = {picture.image};
  request.init.strength = settings.strength.value_or(request.init.strength);
  return check(request.init, 1, request.width, request.height);
}

}  // namespace tempera::api
