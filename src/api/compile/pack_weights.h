#pragma once

#include <string>
#include <vector>

#include "api/compile/compile.h"
#include "base/status.h"
#include "frontend/checkpoint/checkpoint.h"
#include "runtime/artifact.h"

namespace tempera::api {

// The packed weights of an artifact: a file for each part that `plans`, whose code is `code`, take
// weights of, and artifact.packed. A file is made when it is written, a part at a time, so that no
// more than one part's weights are in memory. `plans` and `code` outlive the files. unsupported:
// the code does not run here.
Result<std::vector<runtime::ArtifactFile>> packed_files(const frontend::Checkpoint& checkpoint,
                                                        const std::vector<runtime::Plan>& plans,
                                                        const std::string& code,
                                                        const CompileOptions& options,
                                                        runtime::Artifact& artifact);

}  // namespace tempera::api
