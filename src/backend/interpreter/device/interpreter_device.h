#pragma once

#include <memory>

#include "runtime/device.h"

namespace tempera::interpreter {

// Runs kernels from their text (see module_text.h), exactly as the kernel IR defines them, slowly,
// on one thread: the reference that other devices are compared with.
std::unique_ptr<runtime::Device> create_device();

}  // namespace tempera::interpreter
