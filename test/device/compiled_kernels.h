#pragma once

#include "backend/cpu/codegen/host.h"
#include "backend/cpu/codegen/link.h"

namespace tempera {

// kernels.txt compiled for this machine.
cpu::CodeObject compile_kernels_text();

}  // namespace tempera
