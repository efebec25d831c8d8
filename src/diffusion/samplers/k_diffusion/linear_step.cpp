#include "diffusion/samplers/k_diffusion/linear_step.h"

namespace tempera::diffusion {

LinearStep denoised_call(double sigma) {
  LinearStep step;
  step.sigma = sigma;
  return step;
}

LinearStep slope_call(double sigma) {
  LinearStep step;
  step.sigma = sigma;
  step.remember_sample = 1 / sigma;
  step.remember_denoised = -1 / sigma;
  return step;
}

}  // namespace tempera::diffusion
