#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include "api/run/compile_options.h"
#include "api/run/generate.h"

namespace tempera::cli {

// Tells people on standard error what is going on: on a terminal one line that is written over,
// else a line every few seconds. Its functions return false once the user asked to stop.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Progress(bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool compiled(const api::CompileProgress& progress);
  bool generated(const api::GenerateProgress& progress);
  bool counted(const std::string& part, int64_t done, int64_t total);
  // Removes the line from the terminal, for other text to come.
  void clear();

 private:
  void show(const std::string& text);

  bool quiet_, terminal_;
  bool line_open_ = false;
  Clock::time_point last_shown_;
  Clock::time_point stage_began_;
};

// "denoise 3/20, 0.412 s/step, 7 s left".
std::string progress_text(const api::GenerateProgress& progress, double stage_seconds);

}  // namespace tempera::cli
