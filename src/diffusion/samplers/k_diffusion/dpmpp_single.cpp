// DPM-Solver++ of order 2 with a call in the middle of each step
// (https://arxiv.org/abs/2211.01095, algorithm 1), by lambda = -log(sigma): the ancestral form, and
// the stochastic one, which adds noise at the middle too.
#include <array>
#include <cmath>

#include "diffusion/samplers/k_diffusion/k_sampler.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<std::string_view, 3> kAncestralAliases = {"dpmpp2sa", "kdpmpp2sa",
                                                               "sampledpmpp2sancestral"};
constexpr std::array<std::string_view, 3> kSdeAliases = {"dpmppsde", "kdpmppsde", "sampledpmppsde"};

// One call that goes straight to a sigma.
LinearStep straight(double from, double to) {
  LinearStep step = denoised_call(from);
  step.sample = to / from;
  step.memory[0] = 1 - to / from;
  return step;
}

std::vector<LinearStep> ancestral_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    const double from = walk.sigmas[i], to = walk.sigmas[i + 1];
    const auto [down, up] = ancestral_step(from, to, walk.eta);
    steps.push_back(straight(from, down == 0 ? 0 : geometric_mean(from, down)));
    if (down > 0) {
      LinearStep next = second(denoised_call(geometric_mean(from, down)));
      next.kept = down / from;
      next.memory[0] = 1 - down / from;
      steps.push_back(next);
    }
    if (to > 0) add_noise(steps.back(), up * walk.options.s_noise);
  }
  return steps;
}

// With the middle at half of the step in lambda the second call's x0 alone counts.
std::vector<LinearStep> sde_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    const double from = walk.sigmas[i], to = walk.sigmas[i + 1];
    if (to == 0) {
      steps.push_back(straight(from, 0));
      continue;
    }
    const double middle = geometric_mean(from, to);
    const AncestralStep half = ancestral_step(from, middle, walk.eta);
    LinearStep first = straight(from, half.down);
    add_brownian_noise(first, from, middle, half.up * walk.options.s_noise);
    steps.push_back(first);
    const AncestralStep whole = ancestral_step(from, to, walk.eta);
    LinearStep next = second(denoised_call(middle));
    next.kept = whole.down / from;
    next.memory[0] = 1 - whole.down / from;
    add_brownian_noise(next, from, to, whole.up * walk.options.s_noise);
    steps.push_back(next);
  }
  return steps;
}

}  // namespace

const KSampler kDpmpp2sAncestral = {.name = "dpm++2s_a",
                                    .title = "DPM++ 2S a",
                                    .function = "sample_dpmpp_2s_ancestral",
                                    .aliases = kAncestralAliases,
                                    .automatic = Schedule::karras,
                                    .calls_per_step = 2,
                                    .steps = ancestral_steps};
const KSampler kDpmppSde = {.name = "dpm++sde",
                            .title = "DPM++ SDE",
                            .function = "sample_dpmpp_sde",
                            .aliases = kSdeAliases,
                            .automatic = Schedule::karras,
                            .calls_per_step = 2,
                            .steps = sde_steps};

}  // namespace tempera::diffusion::k_diffusion
