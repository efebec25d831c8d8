// Heun's method (https://arxiv.org/abs/2206.00364, algorithm 2): the mean of the slopes at both
// ends of a step.
#include <array>

#include "diffusion/samplers/k_diffusion/k_sampler.h"

namespace tempera::diffusion::k_diffusion {
namespace {

constexpr std::array<std::string_view, 2> kAliases = {"kheun", "sampleheun"};

std::vector<LinearStep> heun_steps(const Walk& walk) {
  std::vector<LinearStep> steps;
  for (size_t i = 0; i < walk.steps(); ++i) {
    LinearStep first = churned_call(churn(walk, i));
    const double to = walk.sigmas[i + 1], step = to - first.sigma;
    first.sample = 1;
    first.memory[0] = step;
    steps.push_back(first);
    if (to == 0) continue;
    LinearStep next = second(slope_call(to));
    next.kept = 1;
    next.memory = {step / 2, step / 2};
    steps.push_back(next);
  }
  return steps;
}

}  // namespace

const KSampler kHeun = {.name = "heun",
                        .title = "Heun",
                        .function = "sample_heun",
                        .aliases = kAliases,
                        .automatic = Schedule::uniform,
                        .calls_per_step = 2,
                        .steps = heun_steps};

}  // namespace tempera::diffusion::k_diffusion
