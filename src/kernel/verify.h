#pragma once

#include "base/status.h"
#include "kernel/kernel.h"

namespace tempera::kernel {

enum class Stage : uint8_t {
  scheduled,   // as a schedule builds it
  simplified,  // after all passes: nothing is unrolled any more, registers are indexed by constants
};

// Is the kernel well formed? The first fault found is an error (internal) that names kernel, rule
// and the offending piece of text. Proved of every kernel:
// - every variable and buffer is used in its scope, and no scope binds a variable that a scope
// around
//   it binds; global buffers are parameters; parameters that are stored to are marked `written`;
// - grid loops stand only at the head, with constant bounds; all lane nests stand directly inside
// them
//   (under blocks, lets and allocations), have constant bounds and the same extents, and no store
//   or barrier stands beside them;
// - a barrier stands under no branch or loop that depends on a lane, or on loaded data;
// - workgroup memory is allocated outside of serial loops and branches;
// Of simplified ones also: no unrolled loops; registers' indices are constants in range; no access
// is certainly out of range: an index without a mask whose whole interval misses the buffer (one
// that is partly out of range is not reported, as a branch may guard it). check_grid_writes() is
// apart, as it reports what it cannot prove.
Status verify(const Kernel& kernel, Stage stage = Stage::scheduled);

// Proves that no two grid iterations write one element of a parameter; `kernel` should be
// simplified. A store's index must be a sum of grid counters, inner counters (lanes of a ramp count
// as one) and a constant. For every two stores of a parameter, whose grid counters must have the
// same coefficients, all differences of counters that would make the indices meet are searched for;
// one that moves a grid counter is a fault, unless the bound that a mask or branch around the
// stores sets on a part of the index rules it out. What cannot be decided so (an index with div,
// mod or loads, another shape, too long a search) is reported as unsupported, which says nothing
// against the kernel.
Status check_grid_writes(const Kernel& kernel);

}  // namespace tempera::kernel
