#pragma once

#include <string_view>

#include "api/run/model_info.h"
#include "api/run/run_component.h"
#include "base/status.h"

namespace tempera::api {

struct InputExtents {
  int64_t width = 0, height = 0;  // pixels; 0: the model's default
  int64_t batch = 0;              // rows of the inputs; 0: what a picture with guidance takes
};

// Inputs of a component as a picture would give it, of random values (noise of deviation 1, a
// middle timestep, ids of the vocabulary, pixels in -1..1): speed does not depend on them. The same
// for every call. invalid_argument: the size is no multiple of the VAE's scale.
Result<NamedValues> random_inputs(const ModelInfo& info, std::string_view component,
                                  const InputExtents& extents);

}  // namespace tempera::api
