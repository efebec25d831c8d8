#pragma once

#include "api/run/model_info.h"
#include "base/status.h"
#include "diffusion/image/resize.h"

namespace tempera::api {

// invalid_argument for a size that the model cannot make, or that is over 16384 along a side.
Status check_size(const diffusion::Size& size, const ModelInfo& info);

}  // namespace tempera::api
