#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "runtime/device.h"

namespace tempera::cpu {

// Entry point of a kernel in a shared library: runs iterations begin..end of the flattened grid.
// buffers[i] is the address of parameter i, a multiple of runtime::kBufferAlignment if the kernel
// writes it, else of its elements' size; scratch is this call's own, PlanKernel::scratch_bytes
// large.
using KernelFunction = void (*)(void* const* buffers, void* scratch, int64_t begin, int64_t end);

// The processor this program runs on. `threads` 0: one for each core that the process may use.
Result<std::unique_ptr<runtime::Device>> create_device(int threads = 0);

}  // namespace tempera::cpu
