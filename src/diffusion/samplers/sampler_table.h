#pragma once

#include <array>
#include <vector>

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// One family a file; in the order of the list.
extern const Sampler kDdim;
extern const Sampler kDdpm;
extern const Sampler kPlms;
extern const Sampler kLms;
extern const Sampler kEuler;
extern const Sampler kEulerAncestral;
extern const Sampler kHeun;
extern const Sampler kDpm2;
extern const Sampler kDpm2Ancestral;
extern const Sampler kDpmpp2m;
extern const Sampler kDpmpp3m;
extern const Sampler kDpmpp2mSde;
extern const Sampler kDpmpp2s;
extern const Sampler kUnipc;
extern const Sampler kDeis;
extern const Sampler kLcm;
extern const Sampler kTcd;

// What the samplers' plans share.

// A class's schedules, by its flags.
inline constexpr std::array kDiscreteSchedules = {Schedule::discrete, Schedule::sgm_uniform};
inline constexpr std::array kSigmaSchedules = {Schedule::discrete, Schedule::karras,
                                               Schedule::exponential, Schedule::beta,
                                               Schedule::sgm_uniform};

// alphas_cumprod from the config's betas. What rescale_betas_zero_snr does depends on the class:
enum class ZeroSnr { ignored, exact, clamped };  // clamped: the last value is 2^-24, not 0
void set_alphas(SamplerPlan& plan, ZeroSnr zero_snr);

// Timesteps by the plan's spacing over all training timesteps, falling; `rounded` to integers.
std::vector<double> spaced_timesteps(const SamplerPlan& plan, bool rounded);

// The sigmas of a schedule other than discrete between two of the model's; the config's sigma_min
// and sigma_max come first.
std::vector<double> spread_sigmas(const SamplerPlan& plan, double smallest, double largest);
bool spreads_sigmas(Schedule schedule);  // it is one of those

// Sets timesteps and sigmas from f64 values and appends the config's final sigma.
void set_schedule(SamplerPlan& plan, const std::vector<double>& timesteps,
                  const std::vector<double>& sigmas);

// For samplers that step from one training timestep to another (ddim, plms): sets timesteps,
// final_alpha, and the sigmas for display. `invalid_argument` when a timestep is not the model's.
Status set_alpha_schedule(SamplerPlan& plan, const std::vector<double>& timesteps,
                          bool set_alpha_to_one);
// alphas_cumprod at a timestep that is stepped from; below 0 it counts from the end, as in Python.
float alpha_from(const SamplerPlan& plan, int64_t timestep);
// The same at a timestep that is stepped to; below 0 it is final_alpha.
float alpha_to(const SamplerPlan& plan, int64_t timestep);

// unsupported: "sampler plms does not support WHAT of the model's scheduler config".
Error unsupported_config(const SamplerPlan& plan, std::string_view what);

}  // namespace tempera::diffusion
