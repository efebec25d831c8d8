#pragma once

#include <optional>
#include <string>

#include "api/run/model_info.h"
#include "base/status.h"
#include "diffusion/request.h"

namespace tempera::api {

// What a user may say of the picture to begin with.
struct InitImageSettings {
  std::string image;               // a file; empty: none
  std::optional<double> strength;  // [0.75]
};

// Reads the files that `settings` name into the request. A size that is still open, 0, becomes the
// image's, cut to a multiple of the model's.
Status resolve_init_image(const InitImageSettings& settings, const ModelInfo& info,
                          diffusion::PictureRequest& request);

}  // namespace tempera::api
