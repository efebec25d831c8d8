#pragma once

#include <string>

#include "api/run/model_source.h"
#include "base/status.h"

namespace tempera::api {

// The file inside an artifact that holds its ModelInfo.
inline constexpr const char* kModelFile = "model.json";

// Whether the folder holds an artifact, whole or not.
bool is_artifact(const std::string& folder);

// A model that was compiled before. Errors: those of runtime::open_artifact, and unsupported where
// this host cannot run its code.
Result<ModelSource> open_artifact_source(const std::string& folder);

}  // namespace tempera::api
