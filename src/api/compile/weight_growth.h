#pragma once

#include <cstdint>
#include <vector>

#include "base/target.h"
#include "frontend/checkpoint/checkpoint.h"
#include "graph/passes/precision.h"

namespace tempera::api {

// By how many bytes faster schedules may make one component's packed weights larger
// (LowerOptions::growth_bytes): all components together, however many of them are compiled, by a
// quarter of what all their weights take packed.
//
// A component's share follows from the shapes of the checkpoint's tensors alone. None needs more
// than all of its 3x3 kernels grow by if transformed; the quarter is dealt out evenly, twice as
// much to the UNet, which runs in every step; what one component does not need goes to the others.
// So the VAE's halves, which have few weights and many pixels, get all or much of what they need.
// Parts that cannot be read have no share.
int64_t weight_growth(const frontend::Checkpoint& checkpoint, frontend::Component component,
                      const Target& target, const graph::Precision& precision);

// `total` dealt out among demands in proportion to their weights: none gets more than its bytes,
// and what it leaves goes to the others.
struct Demand {
  int64_t bytes;
  int64_t weight;
};
std::vector<int64_t> fair_shares(int64_t total, const std::vector<Demand>& demands);

}  // namespace tempera::api
