#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/run/session.h"
#include "base/status.h"
#include "base/tensor.h"

namespace tempera::api {

using NamedValues = std::vector<std::pair<std::string, Tensor>>;

// The request that these inputs ask for, with the inputs as the component takes them: integers and
// floats of any kind become the dtype of the plan, one timestep stands for all of a batch.
//   text_encoder  input_ids [b, tokens]
//   unet          sample [b, c, h, w], timestep [1] or [b], encoder_hidden_states [b, tokens, d]
//   or,
//                 as a step with guidance gives it, [2 b, tokens, d]: all rows of the sample twice
//   vae_decoder   latent [b, c, h, w]
//   vae_encoder   image [b, 3, h, w]
// invalid_argument or not_found for an input that is missing, unknown, of another shape, or an id
// outside of the vocabulary.
struct BoundInputs {
  ComponentRequest request;
  NamedValues inputs;
};
Result<BoundInputs> bind_inputs(const ModelInfo& info, std::string_view component,
                                NamedValues inputs);

struct ComponentRun {
  NamedValues outputs;          // in the order of CompiledComponent::outputs
  std::vector<double> seconds;  // of each timed run
};
// Runs once, then `repeat` times more with the same inputs and timed: what depends on the prompt
// alone is not computed again. `keep_going` false between runs: cancelled.
Result<ComponentRun> run_component(Session& session, const BoundInputs& bound, int64_t repeat = 0,
                                   const std::function<bool()>& keep_going = {});

// What a process that runs the component takes, in bytes, without reading a weight. The plan is
// compiled if it is not in the cache; what that takes does not count.
Result<int64_t> predict_peak(Session& session, const ComponentRequest& request);

// The pieces of that, for callers that run an executor themselves.
Status set_inputs(runtime::Executor& executor, const BoundInputs& bound);
// Runs each stage after setup up to `last` once.
Status run_stages(runtime::Executor& executor, runtime::Stage last);
// The stage that brings all outputs up to date: what is run again for other inputs.
runtime::Stage last_stage(const runtime::Plan& plan);

// Times of runs, in seconds; the deviation is that of the sample (over n - 1).
struct Timing {
  double mean = 0, median = 0, max = 0, min = 0, std = 0;
};
Timing timing_of(std::vector<double> seconds);
// Of an even number of values the mean of the middle two. CHECKs that there is one.
double median(std::vector<double> values);

}  // namespace tempera::api
