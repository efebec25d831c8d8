#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/artifact.h"

namespace tempera::cpu {

// "x86_64" or "aarch64", as a triple begins.
std::string_view host_architecture();

// Instruction set extensions that this processor has and the system lets this program use, by
// LLVM's names ("avx2", "fullfp16"); asks the system for the use of AMX.
const std::vector<std::string>& host_features();

// Whether code for `target` runs here: unsupported names what is missing.
Status check_host(const runtime::ArtifactTarget& target);

// The same for a host of that architecture and those features.
Status check_host(const runtime::ArtifactTarget& target, std::string_view architecture,
                  const std::vector<std::string>& features);

}  // namespace tempera::cpu
