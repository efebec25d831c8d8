#pragma once

#include <cstdint>

#include "base/status.h"
#include "base/target.h"
#include "kernel/kernel.h"

namespace tempera::cpu {

// Whether this backend can print the kernel for the target; says no in a sentence that names the
// kernel and what it asks for.
Status check(const kernel::Kernel& kernel, const Target& target);

// The kernel without lane loops and barriers: between two barriers the lanes run one after another.
// What a lane keeps across a barrier (register buffers, lane-dependent lets) becomes workgroup
// memory with a place for each lane.
kernel::Kernel serialize_lanes(const kernel::Kernel& kernel);

// The kernel with arithmetic on f16 (unless the target has it) and bf16 done in f32 and rounded
// back after each operation; loads, stores, casts and selects keep the 16-bit types.
kernel::Kernel widen_halves(const kernel::Kernel& kernel, const Target& target);

// check(), then both rewrites, in the order above.
Result<kernel::Kernel> legalize(const kernel::Kernel& kernel, const Target& target);

// Workgroup memory that one worker must bring as `scratch`, aligned to 64 bytes; of the kernel as
// it is before serialize_lanes().
int64_t scratch_bytes(const kernel::Kernel& kernel);

}  // namespace tempera::cpu
