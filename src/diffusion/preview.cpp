#include "diffusion/preview.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

constexpr size_t kChannels = 4, kColors = 3;

}  // namespace

void predict_original(const SamplerPlan& plan, size_t call, std::span<const float> scaled,
                      std::span<const float> output, std::span<float> original) {
  const std::vector<float>& sigmas = plan.input_sigmas.empty() ? plan.sigmas : plan.input_sigmas;
  const double sigma = sigmas.at(call);
  // The shares of picture and noise in the scaled sample; of infinite noise all is noise.
  const double picture = 1 / std::sqrt(1 + sigma * sigma);
  const double noise = std::isfinite(sigma) ? sigma * picture : 1;
  if (plan.config.prediction == Prediction::sample) {
    std::copy_n(output.begin(), original.size(), original.begin());
    return;
  }
  const bool is_velocity = plan.config.prediction == Prediction::v_prediction;
  const auto of_sample = static_cast<float>(is_velocity ? picture : 1 / picture);
  const auto of_output = static_cast<float>(is_velocity ? noise : noise / picture);
  for (size_t i = 0; i < original.size(); ++i)
    original[i] = of_sample * scaled[i] - of_output * output[i];
}

const LatentColors& stable_diffusion_colors() {
  static const LatentColors colors = {0.298, 0.207,  0.208,  0.187,  0.286, 0.173, -0.158, 0.189,
                                      0.264, -0.184, -0.271, -0.473, 0,     0,     0};
  return colors;
}

Image latent_image(std::span<const float> latent, int64_t width, int64_t height,
                   const LatentColors& colors) {
  const auto area = static_cast<size_t>(width * height);
  CHECK(latent.size() == kChannels * area && colors.size() == (kChannels + 1) * kColors,
        "{} values and {} colours for {}x{}", latent.size(), colors.size(), width, height);
  std::vector<float> planes(kColors * area);
  for (size_t color = 0; color < kColors; ++color) {
    for (size_t i = 0; i < area; ++i) {
      double sum = colors[kChannels * kColors + color];
      for (size_t channel = 0; channel < kChannels; ++channel)
        sum += colors[channel * kColors + color] * latent[channel * area + i];
      planes[color * area + i] = static_cast<float>(sum);
    }
  }
  return image_from_planes(planes, width, height);
}

}  // namespace tempera::diffusion
