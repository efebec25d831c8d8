#pragma once

#include <string>
#include <string_view>

#include "base/target.h"
#include "graph/passes/fuse.h"
#include "lower/program.h"

namespace tempera::lower {

// What computing a group takes at least.
struct Work {
  double flops = 0;  // of its contraction or attention, 2 a multiply-add; 0 for other groups
  double bytes = 0;  // inputs and outputs once; of a value that is only sliced or gathered from,
                     // what is taken
};
Work work_of(const graph::Group& group);

// Bytes that one of a group's launches reads and writes, each parameter once.
double bytes_of(const graph::Group& group, const Program& program, const Launch& launch);

// For people and the profiler: "contraction", "attention", "norm", ... (PlanLaunch::kind), and the
// anchor with its shapes: "conv 3x3 2x320x64x64 -> 320x64x64", "matmul 8192x320 -> 2560".
std::string_view kind_of(const graph::Group& group);
std::string workload_text(const graph::Group& group);

// The dtype whose products the machine computes for the group: f16 and bf16 operands that the
// target has no arithmetic for are widened to f32.
DType arithmetic_of(const graph::Group& group, const Target& target);

// Module paths, the anchor's first.
std::vector<std::string> origin_of(const graph::Group& group);

}  // namespace tempera::lower
