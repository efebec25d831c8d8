#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// softmax(scale Q K' + mask) V by head with an online softmax: no more than a block of keys times a
// block of queries of the scores exists at a time. Vector lanes run over queries in all phases, so
// that K and V are read where they lie, one broadcast element at a time, head widths need no
// padding, and maxima and sums need no work across lanes.
extern const Schedule kAttention;

}  // namespace tempera::lower
