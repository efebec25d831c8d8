#pragma once

#include <string>
#include <vector>

#include "api/run/generate.h"
#include "base/status.h"
#include "cli/generate/generate_flags.h"

namespace tempera::cli {

// One batch of pictures, and the files that they go to.
struct Job {
  diffusion::PictureRequest request;
  std::vector<std::string> names;
  std::vector<std::string> cell = {};  // what its cell of a grid sets
};

// Everything that is to be made, in order: the batches of one prompt, the cells of a grid, or the
// lines of a prompts file that have no pictures yet.
Result<std::vector<Job>> jobs_of(const GenerateFlags& flags, const api::ModelInfo& info);

// The request that takes most memory.
const diffusion::PictureRequest& largest(const std::vector<Job>& jobs);

}  // namespace tempera::cli
