#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/samplers/k_diffusion/k_options.h"
#include "diffusion/samplers/k_diffusion/linear_step.h"
#include "diffusion/samplers/noise_draw.h"
#include "diffusion/samplers/schedule.h"
#include "diffusion/samplers/scheduler_config.h"

namespace tempera::diffusion {

struct Sampler;

struct SamplerOptions {
  std::string sampler = "dpm++2m";         // a name or alias of the table
  std::optional<Schedule> schedule;        // none: what the name says, else the sampler's default
  std::optional<TimestepSpacing> spacing;  // none: what the model's config says
  int64_t steps = 20;
  // ddim: 0 is deterministic, 1 draws as much noise as DDPM; tcd: the share of a step that goes
  // back as noise; a1111's ancestral and SDE samplers: their share of fresh noise. none: the
  // sampler's default.
  std::optional<double> eta;
  std::optional<Prediction> prediction;  // none: what the model's config says
  bool rescale_betas_zero_snr = false;   // or as the model's config says
  Compat compat = Compat::diffusers;
  KOptions k;  // of a1111's samplers
};

// All that a run needs beside the latents: a value, equal to diffusers' class after
// from_config(the model's scheduler_config.json) and set_timesteps(steps).
struct SamplerPlan {
  const Sampler* sampler = nullptr;
  SchedulerConfig config;
  Schedule schedule = Schedule::discrete;
  TimestepSpacing spacing = TimestepSpacing::leading;
  int64_t steps = 0;
  double eta = 0.0;
  size_t begin = 0;                           // calls that `cut` left out before the first
  std::vector<float> timesteps;               // one a model call; plms calls once more than `steps`
  std::vector<float> sigmas;                  // the noise level at each call, then the final one
  std::vector<float> input_sigmas;            // what scale_input takes instead of sigmas
  std::vector<std::array<float, 4>> weights;  // lms: of a call's newest to oldest derivative
  std::vector<size_t> step_of_call;           // empty: as calls_per_step says
  float init_noise_sigma = 1.0f;              // the initial latents are unit noise times this
  std::vector<std::vector<NoiseDraw>> draws;  // of each call; empty: no call draws
  std::vector<float> alphas_cumprod;          // by training timestep
  // Of a1111's samplers:
  std::vector<LinearStep> linear_steps;   // one a model call
  std::vector<float> step_sigmas;         // the schedule: one a step, then the final one
  std::optional<BrownianRange> brownian;  // of the whole schedule, for draws of a Brownian walk
  float final_alpha = 1.0f;               // in the place of alphas_cumprod below timestep 0
};

// What a sampler remembers between calls: tensors of the latents' size.
struct SamplerState {
  std::vector<std::vector<float>> history;
};

struct StepInput {
  size_t call;                    // index into timesteps; calls are made in order
  std::span<const float> output;  // the model's, for the scaled sample at timesteps[call]
  std::span<const float> noise;   // the call's draws one after another, each of the latents' size
};

// One row of the table.
struct Sampler {
  std::string_view name;
  std::string_view title;  // AUTOMATIC1111's name
  std::string_view diffusers_class;
  std::span<const std::string_view> aliases;  // beside the three above; in the form of `plain_name`
  std::span<const Schedule> schedules;        // those that the class has flags for
  Schedule default_schedule;
  TimestepSpacing default_spacing;  // the class's own
  bool scales_input;                // x is x0 + sigma * noise; the model sees x / sqrt(sigma^2 + 1)
  size_t history;                   // tensors of SamplerState
  size_t calls_per_step = 1;        // diffusers' `order`
  std::optional<double> default_eta;  // none: the class takes no eta
  bool has_zero_snr = false;          // the class has the flag rescale_betas_zero_snr
  // Fills timesteps, sigmas and what follows them; the fields before are set.
  Status (*plan)(SamplerPlan& plan);
  void (*step)(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
               std::span<float> sample);
};

std::span<const Sampler* const> samplers(Compat compat = Compat::diffusers);

// Names of diffusers, AUTOMATIC1111 and stable-diffusion.cpp are known too, letter case, spaces and
// punctuation aside; "DPM++ 2M Karras" names a schedule as well.
struct SamplerChoice {
  const Sampler* sampler;
  std::optional<Schedule> schedule;
};
Result<SamplerChoice> find_sampler(std::string_view name, Compat compat = Compat::diffusers);

// AUTOMATIC1111's name of the pair: "DPM++ 2M Karras".
std::string title(const SamplerPlan& plan);

Result<SamplerPlan> make_sampler_plan(const SamplerOptions& options, const SchedulerConfig& config);

// The plan's last part, for a start that holds a picture: min(int(steps * strength), steps) steps,
// as diffusers' img2img and inpainting take them. `invalid_argument` when no step is left.
Result<SamplerPlan> cut(SamplerPlan plan, double strength);

// The step that a model call belongs to, from 0 for the first call.
size_t step_of(const SamplerPlan& plan, size_t call);

// How many tensors of noise a call's step takes.
size_t draws_of(const SamplerPlan& plan, size_t call);
// One draw after each call.
void draw_every_step(SamplerPlan& plan);

// For latents of `count` elements (of all pictures).
SamplerState make_sampler_state(const SamplerPlan& plan, size_t count);
// Adds the call's noise (that of its StepInput) to what the model is about to see, for a sampler
// that does so.
void add_churn(const SamplerPlan& plan, size_t call, std::span<const float> noise,
               std::span<float> sample);
void scale_input(const SamplerPlan& plan, size_t call, std::span<const float> sample,
                 std::span<float> scaled);
// Replaces the sample by the next one. Allocates nothing.
void sampler_step(const SamplerPlan& plan, const StepInput& input, SamplerState& state,
                  std::span<float> sample);

}  // namespace tempera::diffusion
