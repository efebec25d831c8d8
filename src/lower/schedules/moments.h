#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Mean and 1 / sqrt(variance + epsilon): by rows (layer norm), by channels lying innermost in
// memory (group norm, see channel_moments.h), or over any axes. No difference of large sums is
// taken: a mean far from 0 costs no digits.
extern const Schedule kMoments;

}  // namespace tempera::lower
