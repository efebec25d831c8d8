#include "diffusion/progress.h"

namespace tempera::diffusion {

Status report(const ProgressFunction& progress, const Progress& event) {
  if (!progress || progress(event)) return {};
  return error(ErrorCode::cancelled, "stopped before the picture was done");
}

Status report(const ProgressFunction& progress, Stage stage, int64_t done, int64_t total) {
  return report(progress, {stage, done, total});
}

}  // namespace tempera::diffusion
