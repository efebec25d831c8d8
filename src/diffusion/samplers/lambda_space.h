#pragma once

#include <span>
#include <vector>

#include "diffusion/samplers/alpha_space.h"
#include "diffusion/samplers/sampler.h"
#include "diffusion/samplers/sigma_space.h"

namespace tempera::diffusion {

// What the solvers of DPM-Solver's kind share: they step evenly in half the log signal-to-noise
// ratio, and the sample is alpha * x0 + sigma * noise.
struct Point {
  float alpha;
  float sigma;
  float lambda;  // log(alpha / sigma)
};
// `level` is sigma / alpha, as in the plan's sigmas.
Point point(float level);

float predict_original(Prediction kind, const Point& at, float sample, float output);

// `unsupported` for settings of the config that no class here has.
Status check_lambda_config(const SamplerPlan& plan);

enum class LambdaClip { ignored, heeded };  // of the config's lambda_min_clipped
// Sets timesteps, all integers, and sigmas without the final one. One step more than asked for is
// laid out and the last left out, except for trailing. `rounded`: karras timesteps are rounded to
// the nearest, else, as those of other sigmas always, down.
SigmaSteps lambda_steps(const SamplerPlan& plan, LambdaClip clip, bool rounded);

// Steps of the plan before `cut`.
size_t full_steps(const SamplerPlan& plan);

}  // namespace tempera::diffusion
