#pragma once

#include <vector>

#include "base/target.h"
#include "lower/program.h"
#include "lower/schedules/walk.h"

namespace tempera::lower {

// Consecutive places along one dimension, each done by loops of its own: the operands of a concat.
struct Pieces {
  int dimension = -1;  // -1: one piece
  std::vector<int64_t> extents;
};

struct NestOptions {
  int64_t block = 8192;  // elements of a grid iteration, about
  int64_t tile = 32;     // places of Walk::tile for a vector
  Pieces pieces = {};
};

// Launches that compute and store every output of a group without an anchor; a launch for each
// output if their shapes differ.
Program build_elementwise_nest(const graph::Group& group, const Target& target,
                               const NestOptions& options, const char* name);

}  // namespace tempera::lower
