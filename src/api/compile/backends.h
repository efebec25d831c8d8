#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/target.h"
#include "kernel/kernel.h"
#include "runtime/artifact.h"

namespace tempera::api {

// One way to make code of kernels.
struct BackendRow {
  std::string_view name;
  Result<Target> (*target)(std::string_view flag);  // of the value of --cpu
  // One kernel's object, which depends on nothing else: kept on disk. On several threads at once.
  Result<std::string> (*compile)(const kernel::Kernel&, bool may_alias, const Target&);
  int64_t (*scratch_bytes)(const kernel::Kernel&);
  Result<std::string> (*link)(std::span<const std::string> objects, const Target&);
  Result<runtime::ArtifactTarget> (*artifact_target)(const Target&);
  std::string_view code_file;  // in an artifact
};

// The one table of code generators that this program was built with.
std::span<const BackendRow> backend_table();
const BackendRow& backend_of(const Target& target);

}  // namespace tempera::api
