#include "diffusion/samplers/k_diffusion/denoiser.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tempera::diffusion::k_diffusion {
namespace {

// The share of signal left at a part of the way through a cosine schedule.
double cosine_signal(double part) {
  const double cosine = std::cos((part + 0.008) / 1.008 * std::numbers::pi / 2);
  return cosine * cosine;
}

double beta_of(const SchedulerConfig& config, int64_t timestep) {
  const auto count = static_cast<double>(config.num_train_timesteps);
  const auto t = static_cast<double>(timestep);
  if (config.beta_schedule == BetaSchedule::squaredcos_cap_v2)
    return std::min(1 - cosine_signal((t + 1) / count) / cosine_signal(t / count), 0.999);
  const bool squared = config.beta_schedule == BetaSchedule::scaled_linear;
  const double first = squared ? std::sqrt(config.beta_start) : config.beta_start;
  const double last = squared ? std::sqrt(config.beta_end) : config.beta_end;
  const double value = count < 2 ? first : first + (last - first) * t / (count - 1);
  return squared ? value * value : value;
}

std::vector<double> signals(const SchedulerConfig& config) {
  const bool trained = !config.trained_betas.empty();
  std::vector<double> result;
  double signal = 1;
  for (int64_t t = 0; t < config.num_train_timesteps; ++t) {
    signal *= 1 - (trained ? config.trained_betas[static_cast<size_t>(t)] : beta_of(config, t));
    result.push_back(signal);
  }
  return result;
}

// AUTOMATIC1111's "Zero Terminal SNR": https://arxiv.org/abs/2305.08891, algorithm 1, with a last
// value that is its own so that sigma stays finite.
void rescale_to_zero_snr(std::vector<double>& signals) {
  constexpr double kLast = 4.8973451890853435e-08;
  const double first = std::sqrt(signals.front()), last = std::sqrt(signals.back());
  for (double& signal : signals) {
    const double root = (std::sqrt(signal) - last) * first / (first - last);
    signal = root * root;
  }
  signals.back() = kLast;
}

}  // namespace

double Denoiser::timestep(double sigma) const {
  const double wanted = std::log(sigma);
  const auto above = std::ranges::upper_bound(log_sigmas, wanted) - log_sigmas.begin();
  const auto low = std::clamp<ptrdiff_t>(above - 1, 0, std::ssize(log_sigmas) - 2);
  const double from = log_sigmas[static_cast<size_t>(low)];
  const double to = log_sigmas[static_cast<size_t>(low) + 1];
  return static_cast<double>(low) + std::clamp((wanted - from) / (to - from), 0.0, 1.0);
}

double Denoiser::nearest_timestep(double sigma) const {
  const double wanted = std::log(sigma);
  const auto nearest = std::ranges::min_element(
      log_sigmas, {}, [wanted](double value) { return std::abs(value - wanted); });
  return static_cast<double>(nearest - log_sigmas.begin());
}

double Denoiser::sigma(double timestep) const {
  // Spacing may step past an end by a rounding.
  timestep = std::clamp(timestep, 0.0, static_cast<double>(log_sigmas.size() - 1));
  const double whole = std::floor(timestep), part = timestep - whole;
  const auto low = static_cast<size_t>(whole);
  const size_t high = std::min(low + 1, log_sigmas.size() - 1);
  return std::exp((1 - part) * log_sigmas[low] + part * log_sigmas[high]);
}

Denoiser make_denoiser(const SchedulerConfig& config) {
  std::vector<double> kept = signals(config);
  if (config.rescale_betas_zero_snr) rescale_to_zero_snr(kept);
  Denoiser denoiser;
  for (const double signal : kept) {
    const auto alpha = static_cast<float>(signal);
    const float sigma = std::sqrt((1.0f - alpha) / alpha);
    denoiser.alphas_cumprod.push_back(alpha);
    denoiser.sigmas.push_back(sigma);
    denoiser.log_sigmas.push_back(std::log(sigma));
  }
  return denoiser;
}

}  // namespace tempera::diffusion::k_diffusion
