#include "diffusion/img2img.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace tempera::diffusion {

Status check(const ImageInput& init, int64_t pictures, int64_t width, int64_t height) {
  if (!is_given(init)) return {};
  if (!(init.strength >= 0 && init.strength <= 1))
    return error(ErrorCode::invalid_argument, "a strength of {} is not within 0 to 1",
                 init.strength);
  const auto count = static_cast<int64_t>(init.images.size());
  if (init.latents.empty() && count != 1 && count != pictures)
    return error(ErrorCode::invalid_argument,
                 "{} init images for {} pictures; give one, or one a picture", count, pictures);
  for (const Image& image : init.images)
    if (image.width != width || image.height != height)
      return error(ErrorCode::invalid_argument, "an init image of {}x{} for a picture of {}x{}",
                   image.width, image.height, width, height);
  return {};
}

std::vector<float> planes_of(const Image& image) {
  const auto area = static_cast<size_t>(image.width * image.height);
  std::vector<float> planes(3 * area);
  for (size_t i = 0; i < area; ++i)
    for (size_t channel = 0; channel < 3; ++channel)
      planes[channel * area + i] =
          2.0f * (static_cast<float>(image.pixels[3 * i + channel]) / 255.0f) - 1.0f;
  return planes;
}

Result<Posterior> Posterior::encode(const EncodeImage& encode, std::span<const float> planes,
                                    size_t latents) {
  // The clamp of diffusers' DiagonalGaussianDistribution.
  constexpr float kLeast = -30.0f, kMost = 20.0f;
  Posterior posterior;
  posterior.mean_.resize(2 * latents);
  TRY(encode(planes, posterior.mean_));
  const auto logarithms = std::span<const float>(posterior.mean_).subspan(latents);
  for (const float variance : logarithms)
    posterior.deviation_.push_back(std::exp(0.5f * std::clamp(variance, kLeast, kMost)));
  posterior.mean_.resize(latents);
  return posterior;
}

void Posterior::sample(double scaling_factor, std::span<float> noise) const {
  CHECK(noise.size() == mean_.size(), "{} values of noise for {} latents", noise.size(),
        mean_.size());
  const auto factor = static_cast<float>(scaling_factor);
  for (size_t i = 0; i < noise.size(); ++i)
    noise[i] = factor * (mean_[i] + deviation_[i] * noise[i]);
}

}  // namespace tempera::diffusion
