#pragma once

#include <cstdint>

#include "base/target.h"
#include "frontend/checkpoint/checkpoint.h"
#include "graph/passes/precision.h"

namespace tempera::api {

// By how many bytes faster schedules may make one component's packed weights larger
// (LowerOptions::growth_bytes): all components together, however many of them are compiled, by a
// quarter of what all their weights take packed.
//
// A component's share follows from the shapes of the checkpoint's tensors alone. None needs more
// than all of its 3x3 kernels grow by if transformed; the quarter is dealt out evenly, what one
// component does not need going to the others. So the VAE's halves, which have few weights and many
// pixels, get all or nearly all they need before the UNet. Parts that cannot be read have no share.
int64_t weight_growth(const frontend::Checkpoint& checkpoint, frontend::Component component,
                      const Target& target, const graph::Precision& precision);

// `total` dealt out evenly among demands: share i is at most demands[i], and no share is smaller
// than another one without being its demand.
std::vector<int64_t> even_shares(int64_t total, const std::vector<int64_t>& demands);

}  // namespace tempera::api
