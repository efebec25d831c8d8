#pragma once

#include <string>
#include <vector>

#include "api/compile/compile_kernels.h"
#include "api/compile/disk_cache.h"
#include "api/compile/precision.h"
#include "api/run/compile_options.h"
#include "api/run/component.h"
#include "api/run/model_source.h"
#include "base/status.h"
#include "base/target.h"
#include "frontend/checkpoint/checkpoint.h"

namespace tempera::api {

// The options, decided.
struct Compiler {
  Target target;
  graph::Precision precision;
  DiskCache cache{""};
  int64_t cache_limit = 0;  // bytes of the cache after a component was added
  CompileOptions options;
};
Result<Compiler> make_compiler(CompileOptions options);

// Frontend, passes, lowering, code generation and linking, or the cache. Depends on the model's
// configs and the names, dtypes and shapes of its weights, never on their values.
Result<CompiledComponent> compile_component(const Compiler& compiler,
                                            const frontend::Checkpoint& checkpoint,
                                            const ComponentRequest& request);

// A plan with its kernels' objects, not linked.
struct ComponentObjects {
  runtime::Plan plan;
  std::vector<lower::LoweredKernel> kernels;         // in the order of plan.kernels
  std::vector<KernelObject> objects;                 // theirs
  std::vector<std::pair<std::string, int>> outputs;  // as CompiledComponent's
};
Result<ComponentObjects> compile_objects(const Compiler& compiler,
                                         const frontend::Checkpoint& checkpoint,
                                         const ComponentRequest& request);

// The checkpoint with what options.files takes from elsewhere.
Result<frontend::Checkpoint> open_checkpoint(const std::string& model, const ModelFiles& files);

// What a checkpoint's configs say. Only the named components are looked at; none named: all that
// are there, its defaults and its family.
Result<ModelInfo> read_model_info(const frontend::Checkpoint& checkpoint,
                                  const std::vector<std::string>& components = {});

// How many tokens a UNet reads, which only the text encoder's config says; 77 where there is none.
int64_t text_length(const frontend::Checkpoint& checkpoint, const ModelInfo& info);

// A checkpoint, compiled on demand; or an artifact, if the folder holds one.
Result<ModelSource> open_model(const std::string& model, CompileOptions options,
                               const std::vector<std::string>& components = {});

}  // namespace tempera::api
