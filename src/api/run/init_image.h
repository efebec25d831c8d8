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
  std::optional<double> strength;  // [0.75, or 1 with `extend`]
  std::string fit = "crop";        // how a picture of another shape is brought to the size
  std::string extend;              // pixels to add at its sides, as in "left=64,top=32"

  std::string mask;        // a file; empty: all is repainted, or what `extend` adds
  std::string mask_color;  // which colour of it is repainted; empty: told from the picture
  double mask_blur = 0;    // deviation in pixels
  std::string mask_fill = "original";
  bool only_masked = false;          // works on the part around the mask, at the full size
  int64_t only_masked_padding = 32;  // pixels around it
  bool composite = true;             // puts what is kept back exactly
};

// Reads the files that `settings` name into the request. A size that is still open, 0, becomes the
// image's, cut to a multiple of the model's, or with only_masked the model's own.
Status resolve_init_image(const InitImageSettings& settings, const ModelInfo& info,
                          diffusion::PictureRequest& request);

}  // namespace tempera::api
