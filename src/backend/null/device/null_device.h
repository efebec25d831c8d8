#pragma once

#include <memory>

#include "runtime/device.h"

namespace tempera::null_device {

// Loads any code and runs nothing: outputs hold what was in memory. For counting, for tests of all
// but the numbers, and as the pattern of a new device.
std::unique_ptr<runtime::Device> create_device();

}  // namespace tempera::null_device
