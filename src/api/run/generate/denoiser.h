#pragma once

#include <map>
#include <span>
#include <vector>

#include "api/run/generate/component_requests.h"
#include "api/run/session.h"
#include "diffusion/components.h"

namespace tempera::api {

// One plan of the UNet, whose names were looked up before the first step.
struct DenoiserPlan {
  runtime::Executor* executor = nullptr;
  int sample = 0, timestep = 0, output = 0, deep = 0;  // deep: output or input, by the part
  std::vector<float> timesteps;                        // [pictures], all equal

  // `context` is that of the model batch: the plan's rows are its last ones.
  Status bind(Session& session, const ComponentRequest& request, const Tensor& context);
  Status step(const diffusion::ModelCall& call, std::span<float> result);
};

// The UNet's plans, one for each kind of call.
class Denoiser {
 public:
  bool is_bound() const { return !plans_.empty(); }
  Status bind(Session& session, const ComponentRequests& requests, const Tensor& context);
  // Hands the deep feature of a whole call on to the plan of the shallow ones.
  Status step(const diffusion::ModelCall& call, std::span<float> result);

 private:
  std::map<diffusion::CallKind, DenoiserPlan> plans_;
};

}  // namespace tempera::api
