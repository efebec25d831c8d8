#pragma once

#include <span>
#include <string>

#include "kernel/kernel.h"

namespace tempera::interpreter {

// The code of the interpreter device: the kernels' text, one after another, in order. Two kernels
// of one name CHECK.
std::string module_text(std::span<const kernel::Kernel> kernels);

}  // namespace tempera::interpreter
