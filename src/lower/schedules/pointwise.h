#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Element-wise work with views on its inputs, in one pass over the outputs' memory.
extern const Schedule kPointwise;

}  // namespace tempera::lower
