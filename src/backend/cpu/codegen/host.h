#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/target.h"

namespace tempera::cpu {

// This machine: its processor as LLVM names it, with the features that the operating system or a
// virtual machine really lets through, and its caches and cores.
Target host_target();

// The value of --cpu: "native", a processor's name as LLVM has it for x86-64 ("x86-64-v3",
// "znver4"), or one with the architecture before it ("aarch64:cortex-a76", "x86-64:skylake").
// A named processor gets cache sizes and cores that depend on nothing but its name. Unknown names
// fail with the nearest ones; x86 processors below x86-64-v2 are not supported.
Result<Target> target_from_flag(std::string_view flag);

// The processor features that code for the target may use, by LLVM's names, in the fixed order of
// the lists in host.cpp: those with which LLVM does arithmetic, conversions, shuffles and masks;
// and those of its matrices, if the target has some.
Result<std::vector<std::string>> required_features(const Target& target);

}  // namespace tempera::cpu
