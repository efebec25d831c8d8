#pragma once

#include "api/compile/inspect.h"
#include "api/run/component.h"
#include "frontend/checkpoint/checkpoint.h"

namespace tempera::api {

// The component at the size that the settings name or, where they name none, the model's own.
Result<ComponentRequest> request_of(const frontend::Checkpoint& checkpoint,
                                    const InspectSettings& settings);

}  // namespace tempera::api
