// Euler steps (https://arxiv.org/abs/2206.00364, algorithm 2 without its correction), and the
// ancestral form: a step down past the next sigma, then fresh noise up to it.
#include <array>

#include "diffusion/samplers/k_diffusion/k_sampler.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"keuler", "sampleeuler"};
constexpr std::array<std::string_view, 4> kAncestralAliases = {
    "keulera", "eulerancestral", "keulerancestral", "sampleeulerancestral"};

std::vector<LinearStep> euler_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    LinearStep step = churned_call(churn(walk, i));
    step.sample = 1;
    step.memory[0] = walk.sigmas[i + 1] - step.sigma;
    steps.push_back(step);
  }
  return steps;
}

std::vector<LinearStep> ancestral_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    const double from = walk.sigmas[i], to = walk.sigmas[i + 1];
    const AncestralStep ancestral = ancestral_step(from, to, walk.eta);
    LinearStep step = slope_call(from);
    step.sample = 1;
    step.memory[0] = ancestral.down - from;
    if (to > 0) add_noise(step, ancestral.up * walk.options.s_noise);
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

const KSampler kEuler = {.name = "euler",
                         .title = "Euler",
                         .function = "sample_euler",
                         .aliases = kAliases,
                         .automatic = Schedule::uniform,
                         .steps = euler_steps};
const KSampler kEulerAncestral = {.name = "euler_a",
                                  .title = "Euler a",
                                  .function = "sample_euler_ancestral",
                                  .aliases = kAncestralAliases,
                                  .automatic = Schedule::uniform,
                                  .steps = ancestral_steps};

}  // namespace tempera::diffusion::k_diffusion
