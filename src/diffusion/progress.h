#pragma once

#include <cstdint>
#include <functional>

#include "base/status.h"

namespace tempera::diffusion {

enum class Stage { encode, denoise, decode };
struct Progress {
  Stage stage;
  int64_t done;  // prompts, model calls or pictures of this stage so far
  int64_t total;
};
// Called at the start and after each part of a stage; false stops with ErrorCode::cancelled.
using ProgressFunction = std::function<bool(const Progress&)>;

// cancelled when the function says so.
Status report(const ProgressFunction& progress, Stage stage, int64_t done, int64_t total);

}  // namespace tempera::diffusion
