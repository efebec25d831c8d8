#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// segment_mean: each iteration owns a block of segments, goes through all ids and adds the rows
// that are its own to sums in scratch. Rows are read once, ids once a block.
extern const Schedule kSegmentMean;

}  // namespace tempera::lower
