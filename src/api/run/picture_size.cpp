#include "api/run/picture_size.h"

namespace tempera::api {

Status check_size(const diffusion::Size& size, const ModelInfo& info) {
  constexpr int64_t kMaxSide = 16384;
  const int64_t scale = info.vae_scale;
  const auto fits = [&](int64_t side) {
    return side >= scale && side <= kMaxSide && side % scale == 0;
  };
  if (fits(size.width) && fits(size.height)) return {};
  return error(ErrorCode::invalid_argument,
               "the size {}x{} does not fit this model: width and height must be multiples of {} "
               "from {} to {}",
               size.width, size.height, scale, scale, kMaxSide);
}

}  // namespace tempera::api
