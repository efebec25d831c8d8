#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/status.h"

namespace tempera::diffusion {

enum class Stage { encode, denoise, decode };
struct Progress {
  Stage stage;
  int64_t done;  // prompts, model calls or pictures of this stage so far
  int64_t total;
  // After a model call, for the time of the progress function: gives the finished latents as the
  // model now takes them to be, f32 [pictures, 4, height / 8, width / 8]. Null elsewhere.
  std::function<std::span<const float>()> original = {};
};
// Called at the start and after each part of a stage; false stops with ErrorCode::cancelled.
using ProgressFunction = std::function<bool(const Progress&)>;

// cancelled when the function says so.
Status report(const ProgressFunction& progress, const Progress& event);
Status report(const ProgressFunction& progress, Stage stage, int64_t done, int64_t total);

}  // namespace tempera::diffusion
