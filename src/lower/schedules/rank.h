#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// rank: each element counts those of its row that come before it. Quadratic in the row's length,
// but without any order of writes: rows of some thousands, on any device.
extern const Schedule kRank;

}  // namespace tempera::lower
