#include "diffusion/progress.h"

namespace tempera::diffusion {

Status report(const ProgressFunction& progress, Stage stage, int64_t done, int64_t total) {
  if (!progress || progress({stage, done, total})) return {};
  return error(ErrorCode::cancelled, "stopped before the picture was done");
}

}  // namespace tempera::diffusion
