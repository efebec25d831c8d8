#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// What group norm does to x as a factor and a term for each image and channel, with the statistics
// they come from, in f32: by channels lying innermost in memory (group_norm_channels.h), or by the
// rows that groups are (row_moments.h).
extern const Schedule kGroupNormAffine;

}  // namespace tempera::lower
