#include "diffusion/start.h"

#include <algorithm>

namespace tempera::diffusion {

void set_initial_latents(const PictureRequest& request, const SamplerPlan& plan, NoiseSource& noise,
                         std::span<float> latents) {
  if (request.initial_latents.empty())
    noise.draw(latents);
  else
    std::ranges::copy(request.initial_latents, latents.begin());
  for (float& latent : latents) latent *= plan.init_noise_sigma;
}

}  // namespace tempera::diffusion
