#pragma once

#include <span>

#include "api/run/profile.h"
#include "base/json.h"

namespace tempera::api {

// The last run of each stage in the trace-event format that chrome://tracing and ui.perfetto.dev
// read: a process for each component; in it a row for launches and one for each thread. Each
// component's times start at 0, in microseconds.
Json trace_json(std::span<const Profile> profiles);

}  // namespace tempera::api
