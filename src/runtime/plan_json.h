#pragma once

#include <string_view>

#include "base/json.h"
#include "base/status.h"
#include "runtime/plan.h"

namespace tempera::runtime {

// A plan as JSON and back, exactly.
Json to_json(const Plan& plan);
// data_loss: a field that is missing or of another type, or a plan that check_plan refuses. `where`
// names the file.
Result<Plan> plan_from_json(const Json& json, std::string_view where);

// Whether every launch names a kernel and memory that there are: indices, offsets and sizes in
// range. data_loss if not.
Status check_plan(const Plan& plan, std::string_view where);

}  // namespace tempera::runtime
