#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// channel_moments that no contraction makes. Where channels lie innermost, lanes run over them, so
// that every load is a contiguous vector, and iterations make parts of the places; else by rows.
extern const Schedule kChannelMoments;

}  // namespace tempera::lower
