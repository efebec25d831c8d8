#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "diffusion/samplers/noise_draw.h"

namespace tempera::diffusion {

// What a k-diffusion sampler does in one call of the model. All of them are linear in what they
// have seen; only the weights differ.
struct LinearStep {
  static constexpr size_t kMemory = 4;

  double sigma = 0;               // the noise level of the call
  std::optional<NoiseDraw> draw;  // of this call
  double churn = 0;               // weight of the noise in the sample before the model sees it
  bool opens = true;              // the first call of a step: the sample is kept
  double remember_sample = 0;     // weights of what is put first into the memory: of the sample
  double remember_denoised = 1;   // and of the model's x0
  double sample = 0;              // weights of the next sample: of this call's,
  double kept = 0;                // of the one at the step's first call,
  std::array<double, kMemory> memory{};  // of what was remembered, newest first,
  double noise = 0;                      // and of the noise
};

// A call that remembers x0.
LinearStep denoised_call(double sigma);
// A call that remembers the slope (x - x0) / sigma.
LinearStep slope_call(double sigma);

}  // namespace tempera::diffusion
