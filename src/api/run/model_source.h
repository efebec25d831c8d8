#pragma once

#include <functional>
#include <map>
#include <string>

#include "api/run/component.h"
#include "api/run/model_info.h"
#include "base/status.h"
#include "runtime/packed_weights.h"
#include "tensor_file/stored_tensor.h"

namespace tempera::api {

// Where a model's plans come from: an artifact (open_artifact_source), or a checkpoint that is
// compiled on demand (open_checkpoint_source of api/compile).
struct ModelSource {
  ModelInfo info;
  std::function<Result<CompiledComponent>(const ComponentRequest&)> compile;
  // A part's tensors ("text_encoder", "unet", "vae") under the names that its plans have for them,
  // module paths; asked when they are first needed, and again after they were released.
  std::function<Result<NamedTensors>(const std::string& part)> weights;
  // The same, packed for all plans that `compile` gives; only the parts named here. `weights` is
  // not asked for these.
  std::map<std::string, std::function<Result<runtime::PackedWeights>()>> packed;
};

}  // namespace tempera::api
