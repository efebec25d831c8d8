#include "diffusion/samplers/noise_schedule.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "diffusion/samplers/beta_distribution.h"

namespace tempera::diffusion {
namespace {

// numpy.linspace with an exact last element.
std::vector<double> linspace(double start, double stop, int64_t count) {
  std::vector<double> values(count, start);
  if (count < 2) return values;
  const double step = (stop - start) / static_cast<double>(count - 1);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<double>(i) * step + start;
  values.back() = stop;
  return values;
}

}  // namespace

std::vector<double> linspace_timesteps(double last, int64_t count) {
  std::vector<double> values = linspace(0.0, last, count);
  std::reverse(values.begin(), values.end());
  return values;
}

std::vector<double> leading_timesteps(int64_t ratio, int64_t count, int64_t offset) {
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<double>((count - 1 - i) * ratio + offset);
  return values;
}

std::vector<double> trailing_timesteps(double start, double ratio) {
  const auto count = static_cast<int64_t>(std::ceil((0.0 - start) / -ratio));
  const double step = (start - ratio) - start;  // numpy.arange steps by its first difference
  std::vector<double> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = std::nearbyint(start + static_cast<double>(i) * step) - 1.0;
  return values;
}

void round_all(std::vector<double>& values) {
  for (double& value : values) value = std::nearbyint(value);
}

double sigma_at(std::span<const float> levels, double timestep) {
  const double last = static_cast<double>(levels.size() - 1);
  if (timestep <= 0.0) return levels.front();
  if (timestep >= last) return levels.back();
  const auto low = static_cast<size_t>(timestep);
  const double slope = static_cast<double>(levels[low + 1]) - static_cast<double>(levels[low]);
  return slope * (timestep - static_cast<double>(low)) + levels[low];
}

double timestep_at(std::span<const float> levels, double sigma) {
  CHECK(levels.size() >= 2, "{} noise levels", levels.size());
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  size_t low = 0;  // the last level that is not above sigma
  for (size_t i = 0; i < levels.size(); ++i)
    if (log_sigma >= std::log(levels[i])) low = i;
  low = std::min(low, levels.size() - 2);
  const float low_log = std::log(levels[low]);
  const float high_log = std::log(levels[low + 1]);
  const double weight = std::clamp((low_log - log_sigma) / (low_log - high_log), 0.0, 1.0);
  return (1.0 - weight) * static_cast<double>(low) + weight * static_cast<double>(low + 1);
}

std::vector<double> karras_sigmas(double smallest, double largest, int64_t count) {
  constexpr double kRho = 7.0;
  const double low = std::pow(smallest, 1.0 / kRho);
  const double high = std::pow(largest, 1.0 / kRho);
  std::vector<double> sigmas = linspace(0.0, 1.0, count);
  for (double& sigma : sigmas) sigma = std::pow(high + sigma * (low - high), kRho);
  return sigmas;
}

std::vector<double> exponential_sigmas(double smallest, double largest, int64_t count) {
  std::vector<double> sigmas = linspace(std::log(largest), std::log(smallest), count);
  for (double& sigma : sigmas) sigma = std::exp(sigma);
  return sigmas;
}

std::vector<double> beta_sigmas(double smallest, double largest, int64_t count) {
  std::vector<double> sigmas = linspace(0.0, 1.0, count);
  for (double& sigma : sigmas)
    sigma = smallest + beta_quantile(1.0 - sigma, 0.6, 0.6) * (largest - smallest);
  return sigmas;
}

}  // namespace tempera::diffusion
