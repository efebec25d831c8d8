#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "diffusion/image/image.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// What the model takes the finished latents to be, by one call's scaled sample and its output.
void predict_original(const SamplerPlan& plan, size_t call, std::span<const float> scaled,
                      std::span<const float> output, std::span<float> original);

// Red, green and blue, about -1..1, of a latent's channels: a row of three for each of the four
// channels, and one that is added.
using LatentColors = std::vector<double>;

// Those of Stable Diffusion 1's and 2's VAE, as users fitted and published them (keturn, "Decoding
// latents to RGB without upscaling", discuss.huggingface.co/t/23204).
const LatentColors& stable_diffusion_colors();

// A rough picture of a latent [4, height, width] as the sampler holds it, a pixel an element.
Image latent_image(std::span<const float> latent, int64_t width, int64_t height,
                   const LatentColors& colors);

}  // namespace tempera::diffusion
