#pragma once

#include <string>
#include <vector>

#include "api/compile/disk_cache.h"
#include "api/run/compile_options.h"
#include "base/status.h"
#include "base/target.h"
#include "lower/lower.h"

namespace tempera::api {

struct KernelObject {
  std::string symbol;
  std::string bytes;
};
// The kernels' objects, in order: from the cache, or compiled on `threads` threads and stored
// there.
Result<std::vector<KernelObject>> compile_kernels(const lower::Lowered& lowered,
                                                  const Target& target, const DiskCache& cache,
                                                  int threads,
                                                  const CompileProgressFunction& progress);

}  // namespace tempera::api
