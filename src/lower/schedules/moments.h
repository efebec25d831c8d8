#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Mean and 1 / sqrt(variance + epsilon) over any axes, by rows (see row_moments.h). No difference
// of large sums is taken: a mean far from 0 costs no digits.
extern const Schedule kMoments;

}  // namespace tempera::lower
