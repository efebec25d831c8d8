#pragma once

#include <cstddef>
#include <span>

namespace tempera::diffusion {

// Pulls the spread of each picture's guided output towards that of its prompt alone (diffusers'
// rescale_noise_cfg; https://arxiv.org/abs/2305.08891, section 3.4): guided becomes
// share * guided * std(prompt) / std(guided) + (1 - share) * guided. Both hold `pictures` rows.
void rescale_guidance(double share, size_t pictures, std::span<const float> prompt,
                      std::span<float> guided);

}  // namespace tempera::diffusion
