// DPM-Solver++ with the x0 of earlier steps (https://arxiv.org/abs/2211.01095, algorithm 2), by
// lambda = -log(sigma): of order 2, and the stochastic forms of orders 2 and 3.
#include <array>
#include <cmath>

#include "diffusion/samplers/k_diffusion/k_sampler.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<std::string_view, 3> k2mAliases = {"dpmpp2m", "kdpmpp2m", "sampledpmpp2m"};
constexpr std::array<std::string_view, 3> k2mSdeAliases = {"dpmpp2msde", "kdpmpp2msde",
                                                           "sampledpmpp2msde"};
constexpr std::array<std::string_view, 2> k2mSdeHeunAliases = {"dpmpp2msdeheun", "kdpmpp2msdeheun"};
constexpr std::array<std::string_view, 3> k3mSdeAliases = {"dpmpp3msde", "kdpmpp3msde",
                                                           "sampledpmpp3msde"};

// The growth of lambda in step i.
double growth(const Walk& walk, size_t i) {
  return std::log(walk.sigmas[i]) - std::log(walk.sigmas[i + 1]);
}

std::vector<LinearStep> steps_2m(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    const double from = walk.sigmas[i], to = walk.sigmas[i + 1];
    LinearStep step = denoised_call(from);
    step.sample = to / from;
    step.memory[0] = 1 - to / from;
    if (i > 0 && to > 0) {
      const double extra = step.memory[0] * growth(walk, i) / (2 * growth(walk, i - 1));
      step.memory[0] += extra;
      step.memory[1] = -extra;
    }
    steps.push_back(step);
  }
  return steps;
}

// The parts of a stochastic step: x0 gets `whole`; differences of x0 get what the order gives.
struct Stochastic {
  double h, decayed, whole;
};

Stochastic stochastic(const Walk& walk, size_t i) {
  const double h = growth(walk, i);
  return {h, h * (1 + walk.eta), -std::expm1(-h * (1 + walk.eta))};
}

LinearStep first_order(const Walk& walk, size_t i, const Stochastic& s) {
  const double from = walk.sigmas[i], to = walk.sigmas[i + 1];
  LinearStep step = denoised_call(from);
  step.sample = std::exp(-s.decayed);
  step.memory[0] = s.whole;
  const double noise = to * std::sqrt(-std::expm1(-2 * s.h * walk.eta)) * walk.options.s_noise;
  if (walk.eta > 0) add_brownian_noise(step, from, to, noise);
  return step;
}

// The model's x0 itself, which is where sigma 0 is.
LinearStep last_step(double sigma) {
  LinearStep step = denoised_call(sigma);
  step.memory[0] = 1;
  return step;
}

// What second order gives for a difference of x0 over a step in lambda.
double heun_weight(const Stochastic& s) { return 1 - s.whole / s.decayed; }
double midpoint_weight(const Stochastic& s) { return s.whole / 2; }

std::vector<LinearStep> steps_2m_sde(const Walk& walk, double (*weight)(const Stochastic&)) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    if (walk.sigmas[i + 1] == 0) {
      steps.push_back(last_step(walk.sigmas[i]));
      continue;
    }
    const Stochastic s = stochastic(walk, i);
    LinearStep step = first_order(walk, i, s);
    if (i > 0) {
      const double slope = weight(s) * s.h / growth(walk, i - 1);
      step.memory[0] += slope;
      step.memory[1] = -slope;
    }
    steps.push_back(step);
  }
  return steps;
}

std::vector<LinearStep> midpoint_steps(const Walk& walk) {
  return steps_2m_sde(walk, midpoint_weight);
}

std::vector<LinearStep> heun_steps(const Walk& walk) { return steps_2m_sde(walk, heun_weight); }

// Adds weight * (newer - older) / ratio of the x0 that are `age` and `age` + 1 steps old.
void add_difference(LinearStep& step, size_t age, double weight, double ratio) {
  step.memory[age] += weight / ratio;
  step.memory[age + 1] -= weight / ratio;
}

std::vector<LinearStep> steps_3m_sde(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    if (walk.sigmas[i + 1] == 0) {
      steps.push_back(last_step(walk.sigmas[i]));
      continue;
    }
    const Stochastic s = stochastic(walk, i);
    const double phi_2 = heun_weight(s), phi_3 = phi_2 / s.decayed - 0.5;
    LinearStep step = first_order(walk, i, s);
    if (i == 1) add_difference(step, 0, phi_2, growth(walk, 0) / s.h);
    if (i > 1) {
      const double r0 = growth(walk, i - 1) / s.h, r1 = growth(walk, i - 2) / s.h;
      // phi_2 * d1 - phi_3 * d2, where d1 = a + (a - b) * r0 / (r0 + r1) and d2 = (a - b) /
      // (r0 + r1) of the differences a and b.
      const double apart = (phi_2 * r0 - phi_3) / (r0 + r1);
      add_difference(step, 0, phi_2 + apart, r0);
      add_difference(step, 1, -apart, r1);
    }
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

const KSampler kDpmpp2m = {.name = "dpm++2m",
                           .title = "DPM++ 2M",
                           .function = "sample_dpmpp_2m",
                           .aliases = k2mAliases,
                           .automatic = Schedule::karras,
                           .steps = steps_2m};
const KSampler kDpmpp2mSde = {.name = "dpm++2m_sde",
                              .title = "DPM++ 2M SDE",
                              .function = "sample_dpmpp_2m_sde",
                              .aliases = k2mSdeAliases,
                              .automatic = Schedule::exponential,
                              .steps = midpoint_steps};
const KSampler kDpmpp2mSdeHeun = {.name = "dpm++2m_sde_heun",
                                  .title = "DPM++ 2M SDE Heun",
                                  .function = "sample_dpmpp_2m_sde",
                                  .aliases = k2mSdeHeunAliases,
                                  .automatic = Schedule::exponential,
                                  .steps = heun_steps};
const KSampler kDpmpp3mSde = {.name = "dpm++3m_sde",
                              .title = "DPM++ 3M SDE",
                              .function = "sample_dpmpp_3m_sde",
                              .aliases = k3mSdeAliases,
                              .automatic = Schedule::exponential,
                              .discards = true,
                              .steps = steps_3m_sde};

}  // namespace tempera::diffusion::k_diffusion
