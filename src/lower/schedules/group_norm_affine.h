#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// group_norm_affine that no contraction takes: one grid iteration an image.
extern const Schedule kGroupNormAffine;

}  // namespace tempera::lower
