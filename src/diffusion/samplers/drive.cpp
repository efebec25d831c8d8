#include "diffusion/samplers/drive.h"

namespace tempera::diffusion {

float formula_model(float x, float timestep) {
  // volatile: no compiler may join the roundings.
  volatile float divisor = x * x;
  divisor = divisor * 0.05f;
  divisor = divisor + 1.0f;
  volatile float shift = timestep * 0.001f;
  shift = shift * 0.1f;
  const volatile float quotient = x / divisor;
  return quotient + shift;
}

Result<std::vector<std::vector<float>>> drive(const SamplerPlan& plan, std::vector<float> sample,
                                              std::span<const float> noises) {
  const size_t count = sample.size();
  SamplerState state = make_sampler_state(plan, count);
  std::vector<float> output(count);
  std::vector<std::vector<float>> samples;
  for (size_t call = 0; call < plan.timesteps.size(); ++call) {
    const size_t drawn = draws_of(plan, call) * count;
    if (drawn > noises.size())
      return error(ErrorCode::invalid_argument, "call {} of {} draws more noise than is given",
                   call, plan.timesteps.size());
    const std::span<const float> noise = noises.first(drawn);
    noises = noises.subspan(drawn);
    add_churn(plan, call, noise, sample);
    scale_input(plan, call, sample, output);
    for (float& value : output) value = formula_model(value, plan.timesteps[call]);
    sampler_step(plan, {call, output, noise}, state, sample);
    samples.push_back(sample);
  }
  return samples;
}

}  // namespace tempera::diffusion
