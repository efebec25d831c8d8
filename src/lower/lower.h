#pragma once

#include <limits>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/target.h"
#include "graph/passes/pipeline.h"
#include "kernel/kernel.h"
#include "lower/choose.h"
#include "runtime/plan.h"

namespace tempera::lower {

struct LowerOptions {
  std::string component;    // "unet"
  Choose choose = nullptr;  // a workload's; none: choose_within(growth_bytes)
  // What faster schedules may add to packed weights.
  int64_t growth_bytes = std::numeric_limits<int64_t>::max();
};

// A kernel after the kernel passes, ready for a code generator. Equal kernels are one.
struct LoweredKernel {
  std::string symbol;  // "contraction_" and the hash of its text, so that equal kernels of any two
                       // models share a name
  kernel::Kernel kernel;
  bool may_alias = false;  // some launch binds an output to an input's memory (Program::in_place)
};

struct Lowered {
  runtime::Plan plan;  // but for plan.kernels[i].scratch_bytes, which the code generator knows
  std::vector<LoweredKernel> kernels;  // in the order of plan.kernels
};

// Groups -> programs -> memory plan. `fused` is what graph::run_passes(graph, fuse_rules()) gives.
Result<Lowered> lower(const graph::Fused& fused, const Target& target, const LowerOptions& options);

// What each anchor's schedule can take on each input, for graph::run_passes.
graph::FuseRules fuse_rules();

}  // namespace tempera::lower
