#pragma once

#include <string>
#include <vector>

#include "api/compile/compile.h"
#include "base/status.h"

namespace tempera::api {

struct ArtifactSettings {
  std::vector<std::string> components;  // none: all that making a picture takes
  int64_t width = 0, height = 0;        // pixels; 0: what the UNet's config names
  int64_t batch_size = 1;               // pictures
  // The UNet's plans for this token merging and for any number of reused steps, beside the usual
  // ones. The guidance interval takes no plan of its own.
  diffusion::WorkSaving saving;
  bool tiling = false;  // plans for pictures that tile beside those for others
  // It holds the weights, as they are packed for its one processor, and needs the model no more,
  // but to merge a LoRA. As large as they are in memory.
  bool packed_weights = false;
};

// One written plan, for a report.
struct WrittenPlan {
  std::string cpu;  // that it is for
  ComponentRequest request;
  runtime::Plan plan;
};
struct WrittenArtifact {
  std::vector<WrittenPlan> plans;
  size_t kernels = 0;  // distinct ones
  int64_t code_bytes = 0;
};

// Compiles a checkpoint into the folder, so that `generate` and `run` need no compiler. Of a batch
// of n pictures the UNet is compiled for n rows and, for guidance, 2 n. options.cpu may name
// several processors, separated by commas: the folder then holds plans and code for each, and the
// last that fits is picked where it is opened.
Result<WrittenArtifact> write_model_artifact(const std::string& model, const std::string& folder,
                                             const ArtifactSettings& settings,
                                             CompileOptions options);

}  // namespace tempera::api
