#pragma once

#include <vector>

#include "api/run/generate.h"
#include "cli/generate/generate_flags.h"
#include "cli/generate/jobs.h"

namespace tempera::cli {

// `generate --json`, see docs/cli_json.md.
Json result_json(const GenerateFlags& flags, const std::vector<Job>& jobs,
                 const api::ModelInfo& info, const api::Generated& generated);

// `generate --dry-run`: the memory of each component, as a table or as JSON.
void print_prediction(const api::MemoryPrediction& prediction, bool json);

// Seconds of each stage, as a log line.
void log_times(const api::Generated& generated, const diffusion::PictureRequest& request);

}  // namespace tempera::cli
