#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion::k_diffusion {

// k-diffusion's samplers as AUTOMATIC1111 runs them, by its titles.
std::span<const Sampler* const> samplers();

// A whole run: unit noise times init_noise_sigma, down the schedule.
Result<SamplerPlan> make_plan(const SamplerOptions& options, const SchedulerConfig& config);

// AUTOMATIC1111's img2img: the schedule's end that begins at `strength`; the latents to start from
// are the picture's + unit noise * init_noise_sigma. Of 20 steps at 0.3 it does int(6) + 1, counted
// in doubles; with `exact_steps` (its "do exactly the steps asked for", and hires fix) as many as
// asked for, of a longer schedule. plan.steps remains what was asked for; plan.begin counts the
// schedule's steps left out. `invalid_argument` for a strength that is not within 0 to 1, or 0 with
// `exact_steps`.
Result<SamplerPlan> make_img2img_plan(const SamplerOptions& options, const SchedulerConfig& config,
                                      double strength, bool exact_steps = false);

// Of how many steps the schedule is laid out, and the first step of it that is done.
struct Img2ImgSteps {
  int64_t steps, first;
};
Img2ImgSteps img2img_steps(int64_t steps, double strength, bool exact_steps);

}  // namespace tempera::diffusion::k_diffusion
