// The midpoint method by the logarithm of sigma, in the manner of DPM-Solver-2
// (https://arxiv.org/abs/2206.00927), and its ancestral form.
#include <array>

#include "diffusion/samplers/k_diffusion/k_sampler.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<std::string_view, 3> kAliases = {"kdpm2", "dpm2", "sampledpm2"};
constexpr std::array<std::string_view, 4> kAncestralAliases = {
    "kdpm2a", "dpm2ancestral", "kdpm2ancestral", "sampledpm2ancestral"};

// From the call's sigma to `to`, over the middle; one Euler step where `to` is 0.
void add_steps(LinearStep first, double to, std::vector<LinearStep>& steps) {
  const double from = first.sigma, middle = to == 0 ? 0 : geometric_mean(from, to);
  first.sample = 1;
  first.memory[0] = middle - from;
  steps.push_back(first);
  if (to == 0) return;
  LinearStep next = second(slope_call(middle));
  next.kept = 1;
  next.memory[0] = to - from;
  steps.push_back(next);
}

std::vector<LinearStep> dpm2_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i)
    add_steps(churned_call(churn(walk, i)), walk.sigmas[i + 1], steps);
  return steps;
}

std::vector<LinearStep> ancestral_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    const auto [down, up] = ancestral_step(walk.sigmas[i], walk.sigmas[i + 1], walk.eta);
    add_steps(slope_call(walk.sigmas[i]), down, steps);
    if (down > 0) add_noise(steps.back(), up * walk.options.s_noise);
  }
  return steps;
}

}  // namespace

const KSampler kDpm2 = {.name = "dpm2",
                        .title = "DPM2",
                        .function = "sample_dpm_2",
                        .aliases = kAliases,
                        .automatic = Schedule::karras,
                        .discards = true,
                        .calls_per_step = 2,
                        .steps = dpm2_steps};
const KSampler kDpm2Ancestral = {.name = "dpm2_a",
                                 .title = "DPM2 a",
                                 .function = "sample_dpm_2_ancestral",
                                 .aliases = kAncestralAliases,
                                 .automatic = Schedule::karras,
                                 .discards = true,
                                 .calls_per_step = 2,
                                 .steps = ancestral_steps};

}  // namespace tempera::diffusion::k_diffusion
