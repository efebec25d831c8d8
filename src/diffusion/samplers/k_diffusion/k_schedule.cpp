#include "diffusion/samplers/k_diffusion/k_schedule.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "diffusion/samplers/beta_distribution.h"

namespace tempera::diffusion::k_diffusion {
namespace {

struct Range {
  double low, high;
};

// `count` values from the first to the last, or the first alone.
std::vector<double> linspace(double first, double last, int64_t count) {
  std::vector<double> values(static_cast<size_t>(count), first);
  for (int64_t i = 1; i < count; ++i)
    values[static_cast<size_t>(i)] =
        first + (last - first) * static_cast<double>(i) / static_cast<double>(count - 1);
  return values;
}

template <typename Function>
std::vector<double> each(std::vector<double> values, const Function& function) {
  std::ranges::transform(values, values.begin(), function);
  return values;
}

std::vector<double> by_timestep(const Denoiser& denoiser, double first, double last,
                                int64_t count) {
  return each(linspace(first, last, count), [&](double t) { return denoiser.sigma(t); });
}

std::vector<double> by_timestep(const Denoiser& denoiser, const Range& range, int64_t count) {
  return by_timestep(denoiser, denoiser.timestep(range.high), denoiser.timestep(range.low), count);
}

// Karras et al. (https://arxiv.org/abs/2206.00364, eq. 5).
std::vector<double> karras(const Range& range, double rho, int64_t count) {
  const double high = std::pow(range.high, 1 / rho), low = std::pow(range.low, 1 / rho);
  return each(linspace(0, 1, count),
              [&](double part) { return std::pow(high + part * (low - high), rho); });
}

std::vector<double> polyexponential(const Range& range, double rho, int64_t count) {
  const double high = std::log(range.high), low = std::log(range.low);
  return each(linspace(1, 0, count),
              [&](double part) { return std::exp(low + std::pow(part, rho) * (high - low)); });
}

// Every (timesteps / count)-th of the model's sigmas, from the top.
std::vector<double> simple(const Denoiser& denoiser, int64_t count) {
  const double stride = static_cast<double>(denoiser.sigmas.size()) / static_cast<double>(count);
  std::vector<double> sigmas;
  for (int64_t i = 0; i < count; ++i)
    sigmas.push_back(denoiser.sigmas[denoiser.sigmas.size() - 1 -
                                     static_cast<size_t>(static_cast<double>(i) * stride)]);
  return sigmas;
}

std::vector<double> ddim(const Denoiser& denoiser, int64_t count) {
  const size_t total = denoiser.sigmas.size();
  const size_t stride = std::max<size_t>(total / static_cast<size_t>(count), 1);
  std::vector<double> sigmas;
  for (size_t i = 1; i < total; i += stride) sigmas.push_back(denoiser.sigmas[i]);
  std::ranges::reverse(sigmas);
  return sigmas;
}

// https://openreview.net/pdf?id=QBtR8rh4Ns, as AUTOMATIC1111 has it: ends at the smallest sigma.
std::vector<double> kl_optimal(const Range& range, int64_t count) {
  const double high = std::atan(range.high), low = std::atan(range.low);
  return each(linspace(0, 1, count + 1),
              [&](double part) { return std::tan(part * low + (1 - part) * high); });
}

// The sigmas that were optimised for SD 1.5 (https://arxiv.org/abs/2404.14507), between them linear
// in the logarithm.
std::vector<double> align_your_steps(int64_t count) {
  constexpr std::array kRising = {0.029, 0.152, 0.399, 0.652, 0.963, 1.396,
                                  1.886, 2.697, 3.861, 6.475, 14.615};
  std::vector<double> sigmas = each(linspace(0, kRising.size() - 1, count), [&](double place) {
    const auto low = std::min(static_cast<size_t>(place), kRising.size() - 2);
    const double part = place - static_cast<double>(low);
    return std::exp((1 - part) * std::log(kRising[low]) + part * std::log(kRising[low + 1]));
  });
  std::ranges::reverse(sigmas);
  return sigmas;
}

// The quantiles of a beta distribution (https://arxiv.org/abs/2407.12173) as sigmas, not timesteps.
std::vector<double> beta(const Range& range, int64_t count) {
  constexpr double kParameter = 0.6;
  return each(linspace(0, 1, count), [&](double part) {
    return range.low + beta_quantile(1 - part, kParameter, kParameter) * (range.high - range.low);
  });
}

Result<std::vector<double>> levels(Schedule schedule, const Denoiser& denoiser, int64_t count,
                                   const KOptions& options) {
  const Range range = {options.sigma_min.value_or(denoiser.smallest()),
                       options.sigma_max.value_or(denoiser.largest())};
  std::vector<double> sigmas;
  switch (schedule) {
    case Schedule::uniform:
      return by_timestep(denoiser, static_cast<double>(denoiser.sigmas.size() - 1), 0, count);
    case Schedule::karras:
      return karras(range, options.rho.value_or(7), count);
    case Schedule::exponential:
      return polyexponential(range, 1, count);
    case Schedule::polyexponential:
      return polyexponential(range, options.rho.value_or(1), count);
    case Schedule::sgm_uniform:
      sigmas = by_timestep(denoiser, range, count + 1);
      sigmas.pop_back();
      return sigmas;
    case Schedule::normal:
      return by_timestep(denoiser, range, count);
    case Schedule::simple:
      return simple(denoiser, count);
    case Schedule::ddim:
      return ddim(denoiser, count);
    case Schedule::kl_optimal:
      return kl_optimal(range, count);
    case Schedule::align_your_steps:
      return align_your_steps(count);
    case Schedule::beta:
      return beta(range, count);
    default:
      return error(ErrorCode::unsupported, "AUTOMATIC1111 has no schedule {}; its schedules are {}",
                   name(schedule), fmt::join(schedule_names(Compat::a1111), ", "));
  }
}

}  // namespace

Result<std::vector<double>> make_sigmas(Schedule schedule, const Denoiser& denoiser, int64_t steps,
                                        bool discard, const KOptions& options) {
  ASSIGN_OR_RETURN(std::vector<double> sigmas,
                   levels(schedule, denoiser, steps + (discard ? 1 : 0), options));
  if (schedule != Schedule::kl_optimal) sigmas.push_back(0);
  if (discard) sigmas.erase(sigmas.end() - 2);
  for (double& sigma : sigmas) sigma = static_cast<float>(sigma);
  return sigmas;
}

}  // namespace tempera::diffusion::k_diffusion
