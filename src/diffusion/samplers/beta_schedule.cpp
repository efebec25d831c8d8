#include "diffusion/samplers/beta_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tempera::diffusion {
namespace {

// torch.linspace of f32: counted from both ends towards the middle.
std::vector<float> linspace(float start, float end, int64_t count) {
  std::vector<float> values(count, start);
  if (count < 2) return values;
  const float step = (end - start) / static_cast<float>(count - 1);
  for (int64_t i = 0; i < count; ++i)
    values[i] = i < count / 2 ? start + step * static_cast<float>(i)
                              : end - step * static_cast<float>(count - 1 - i);
  return values;
}

std::vector<float> scaled_linear(double start, double end, int64_t count) {
  std::vector<float> betas =
      linspace(static_cast<float>(std::sqrt(start)), static_cast<float>(std::sqrt(end)), count);
  for (float& beta : betas) beta *= beta;
  return betas;
}

// https://arxiv.org/abs/2102.09672, with betas capped at 0.999.
std::vector<float> cosine(int64_t count) {
  auto alpha_bar = [](double t) {
    const double c = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
    return c * c;
  };
  std::vector<float> betas(count);
  const double total = static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) {
    const double from = static_cast<double>(i) / total;
    const double to = static_cast<double>(i + 1) / total;
    betas[i] = static_cast<float>(std::min(1 - alpha_bar(to) / alpha_bar(from), 0.999));
  }
  return betas;
}

}  // namespace

std::vector<float> make_betas(const SchedulerConfig& config) {
  const int64_t count = config.num_train_timesteps;
  if (!config.trained_betas.empty()) return config.trained_betas;
  switch (config.beta_schedule) {
    case BetaSchedule::linear:
      return linspace(static_cast<float>(config.beta_start), static_cast<float>(config.beta_end),
                      count);
    case BetaSchedule::scaled_linear:
      return scaled_linear(config.beta_start, config.beta_end, count);
    case BetaSchedule::squaredcos_cap_v2:
      return cosine(count);
  }
  CHECK(false, "a beta schedule without a case");
}

std::vector<float> rescale_zero_terminal_snr(const std::vector<float>& betas) {
  std::vector<float> signal = cumulative_alphas(betas);
  for (float& value : signal) value = std::sqrt(value);
  const float first = signal.front();
  const float last = signal.back();
  const float scale = first / (first - last);
  for (float& value : signal) {
    value = (value - last) * scale;
    value *= value;
  }
  std::vector<float> rescaled(betas.size());
  for (size_t i = 0; i < betas.size(); ++i)
    rescaled[i] = 1.0f - (i == 0 ? signal[0] : signal[i] / signal[i - 1]);
  return rescaled;
}

std::vector<float> cumulative_alphas(const std::vector<float>& betas) {
  std::vector<float> products(betas.size());
  double product = 1.0;  // torch's CPU cumprod of f32 accumulates in f64
  for (size_t i = 0; i < betas.size(); ++i) {
    product *= 1.0f - betas[i];
    products[i] = static_cast<float>(product);
  }
  return products;
}

std::vector<float> noise_levels(const std::vector<float>& alphas_cumprod) {
  std::vector<float> sigmas(alphas_cumprod.size());
  for (size_t i = 0; i < sigmas.size(); ++i)
    sigmas[i] = std::sqrt((1.0f - alphas_cumprod[i]) / alphas_cumprod[i]);
  return sigmas;
}

}  // namespace tempera::diffusion
