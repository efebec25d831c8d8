#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Softmax along any axis: largest, exponentials with their sum (kept in scratch if they fit),
// division.
extern const Schedule kSoftmax;

}  // namespace tempera::lower
