#pragma once

#include <functional>
#include <string>

#include "api/run/component.h"
#include "api/run/model_info.h"
#include "base/status.h"

namespace tempera::api {

// Where a model's plans come from: an artifact (open_artifact_source), or a checkpoint that is
// compiled on demand (open_checkpoint_source of api/compile).
struct ModelSource {
  ModelInfo info;
  std::function<Result<CompiledComponent>(const ComponentRequest&)> compile;
};

}  // namespace tempera::api
