#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Sums, means, extrema and argmax over any axes, in a fixed order whatever the number of threads.
extern const Schedule kReduce;

}  // namespace tempera::lower
