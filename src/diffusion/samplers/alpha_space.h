#pragma once

#include "diffusion/samplers/sampler.h"

namespace tempera::diffusion {

// What the samplers share whose sample is signal * x0 + noise * unit noise.
struct Mix {
  float signal;
  float noise;
};
// sqrt(alpha) and sqrt(1 - alpha).
Mix mix_of(float alpha);

struct Predicted {
  float original;  // x0
  float noise;     // epsilon
};
Predicted predict(Prediction kind, const Mix& at, float sample, float output);

}  // namespace tempera::diffusion
