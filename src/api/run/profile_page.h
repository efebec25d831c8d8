#pragma once

#include <span>
#include <string>

#include "api/run/profile.h"

namespace tempera::api {

// A page in one file, without scripts: for each component its totals, bars of the kernels that take
// longest, the roofline, and the timeline of the last run.
std::string profile_page(std::span<const Profile> profiles, int depth);

}  // namespace tempera::api
