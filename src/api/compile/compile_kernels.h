#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/compile/disk_cache.h"
#include "base/status.h"
#include "base/target.h"
#include "lower/lower.h"

namespace tempera::api {

struct CompileProgress {
  std::string component;
  int64_t done = 0, total = 0;  // kernels
};
// False stops with ErrorCode::cancelled; what is compiled by then is in the cache. Called on one
// thread at a time.
using CompileProgressFunction = std::function<bool(const CompileProgress&)>;

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
