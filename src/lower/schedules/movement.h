#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Materialised data movement: concat (loops for each operand), split (loops for each output), and
// transposes (tiled, so that both sides use their cache lines up). Element-wise work around them is
// fused.
extern const Schedule kMovement;

}  // namespace tempera::lower
