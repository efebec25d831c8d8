#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/run/lora_settings.h"
#include "api/run/model_source.h"
#include "base/status.h"

namespace tempera::api {

struct CompileProgress {
  std::string component;
  int64_t done = 0, total = 0;  // kernels; 0 and 0 while weights are packed
};
// False stops with ErrorCode::cancelled; what is compiled by then is in the cache. Called on one
// thread at a time.
using CompileProgressFunction = std::function<bool(const CompileProgress&)>;

// Where parts of a model come from beside its own file or folder; see frontend::CheckpointOptions.
struct ModelFiles {
  std::string config, vae;
  std::optional<bool> prefers_ema;
  bool operator==(const ModelFiles&) const = default;
};

// How a model is compiled, or which artifact of it is wanted.
struct CompileOptions {
  std::string cpu = "native";               // as cpu::target_from_flag takes it
  std::string precision, weights;           // as PrecisionNames; empty for an artifact: what it has
  bool grow_weights = true;                 // see api/compile/weight_growth.h
  int threads = 0;                          // that compile; 0: one a core
  std::optional<std::string> cache_folder;  // none: default_cache_folder(); empty: no cache
  std::optional<int64_t> cache_bytes;       // that the cache may take; none: default_cache_limit()
  std::vector<LoraSetting> loras;           // merged into the weights, one after the other
  std::string taesd;                        // file of a TAESD, which decodes; empty: the VAE
  bool time_passes = false;                 // a log line for each graph pass and later phase
  ModelFiles files;
  CompileProgressFunction progress;
};

// Opens a model for the named components, or all: `open_model` of api/compile, which compiles what
// is no artifact, or `open_artifact_model`, which refuses it.
using OpenModel = std::function<Result<ModelSource>(
    const std::string& model, CompileOptions options, const std::vector<std::string>& components)>;

}  // namespace tempera::api
