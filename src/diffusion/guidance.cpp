#include "diffusion/guidance.h"

namespace tempera::diffusion {

std::span<const float> guide(const PictureRequest& request, std::span<float> output) {
  const auto scale = static_cast<float>(request.guidance_scale);
  std::span<float> negative = output.first(output.size() / 2);
  const std::span<const float> prompt = output.last(output.size() / 2);
  for (size_t i = 0; i < negative.size(); ++i) negative[i] += scale * (prompt[i] - negative[i]);
  return negative;
}

}  // namespace tempera::diffusion
