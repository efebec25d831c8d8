#pragma once

#include <string>

#include "api/run/compile_options.h"
#include "api/run/model_source.h"
#include "base/status.h"
#include "runtime/artifact.h"

namespace tempera::api {

// The file inside an artifact that holds its ModelInfo.
inline constexpr const char* kModelFile = "model.json";

// Whether the folder holds an artifact, whole or not.
bool is_artifact(const std::string& folder);

// A model that was compiled before. Errors: those of runtime::open_artifact, unsupported where this
// host cannot run its code, and invalid_argument where a plan was compiled with another value of an
// option in `asked` than that (an empty value asks for nothing).
Result<ModelSource> open_artifact_source(const std::string& folder,
                                         const runtime::PlanOptions& asked = {});

// An OpenModel for programs without the compiler: unsupported for what is no artifact.
Result<ModelSource> open_artifact_model(const std::string& model, const CompileOptions& options,
                                        const std::vector<std::string>& components);

// What the options ask of an artifact.
runtime::PlanOptions asked_of_artifact(const CompileOptions& options);

}  // namespace tempera::api
