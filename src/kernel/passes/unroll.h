#pragma once

#include "kernel/kernel.h"

namespace tempera::kernel {

// Expands `unrolled` loops, whose begin and extent must be constants once the counters of unrolled
// loops around them are put in. Every copy of a body has its own variables and buffers. Comes
// before simplify, which makes the copied indices constants.
Kernel unroll(Kernel kernel);

}  // namespace tempera::kernel
