#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// Any matmul or convolution (any rank, groups, dilation), a vector of outputs at a time: for those
// the tiled schedule refuses.
extern const Schedule kContractionDirect;

}  // namespace tempera::lower
