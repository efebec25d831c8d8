#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/samplers/k_diffusion/linear_step.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion::k_diffusion {

// What the weights of a run's steps depend on.
struct Walk {
  std::span<const double> sigmas;  // one a step and the final one
  double eta;                      // 1: as much fresh noise as an ancestral sampler takes; 0: none
  const KOptions& options;

  size_t steps() const { return sigmas.size() - 1; }
};

struct KSampler {
  std::string_view name;
  std::string_view title;     // AUTOMATIC1111's
  std::string_view function;  // k-diffusion's
  std::span<const std::string_view> aliases;
  Schedule automatic;     // what AUTOMATIC1111's "Automatic" stands for
  bool discards = false;  // always leaves out the sigma before the last
  size_t calls_per_step = 1;
  std::vector<LinearStep> (*steps)(const Walk& walk);
};

// A family a file.
extern const KSampler kEuler, kEulerAncestral, kHeun, kDpm2, kDpm2Ancestral, kLms;
extern const KSampler kDpmpp2sAncestral, kDpmppSde, kDpmpp2m, kDpmpp2mSde, kDpmpp2mSdeHeun,
    kDpmpp3mSde;

// What they share.

// A step from one sigma down below the next, and the noise that leads up to it.
struct AncestralStep {
  double down, up;
};
AncestralStep ancestral_step(double from, double to, double eta);

// The sigma to which step i raises its own by fresh noise, and that noise's weight; all three
// samplers that do so draw it in every step, also where none is added.
struct Churn {
  double sigma, noise;
};
Churn churn(const Walk& walk, size_t i);
// slope_call at the churned sigma, with its draw.
LinearStep churned_call(const Churn& churned);

// The sigma half way between two, by their logarithms.
double geometric_mean(double a, double b);

// The second call of a step.
LinearStep second(LinearStep step);

// Noise that does not depend on sigmas, and noise of the Brownian walk.
void add_noise(LinearStep& step, double weight);
void add_brownian_noise(LinearStep& step, double from, double to, double weight);

}  // namespace tempera::diffusion::k_diffusion
