#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/compile/compile.h"
#include "base/json.h"
#include "base/status.h"

namespace tempera::api {

// What a checkpoint, a component's folder, a file of tensors or an artifact holds. Every header
// is read and every offset checked. `tensors`: with a row for each tensor; a file of no known
// family has them anyway. The form is described in docs/cli_json.md.
Result<Json> describe_path(const std::string& path, bool tensors, const ModelFiles& files = {});

struct InspectSettings {
  std::string component;            // "unet"
  int64_t width = 0, height = 0;    // pixels; 0: what the UNet's config names
  int64_t batch_size = 1;           // rows of the component's inputs
  std::string dump_after = "fuse";  // of graph::PassOptions
  bool kernels = false;             // the kernels' text instead of a graph
  // The unet as a step with guidance calls it: batch_size pictures, whose sample and timestep stand
  // for both halves.
  bool guided = false;
};
// A component's graph or kernels as text.
Result<std::string> inspect_component(const std::string& model, const InspectSettings& settings,
                                      CompileOptions options);

// How much there is to compute for a picture and what each pass takes away, in GFLOP by kind of op:
// of one component, or, if settings.component is empty, of those that make a picture from text.
// The unet is a guided step. The form is described in docs/cli_json.md.
Result<Json> count_work(const std::string& model, const InspectSettings& settings,
                        const ModelFiles& files = {});

// The target that a value of --cpu names, as {"key", "cpu", "triple", "vector_bytes", ...}.
Result<Json> describe_target(const std::string& cpu);

}  // namespace tempera::api
