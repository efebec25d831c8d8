#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "api/run/generate.h"
#include "api/run/session.h"

namespace tempera::api {

// Notes how long each stage takes, and passes progress on.
class Watch {
 public:
  Watch(const GenerateProgressFunction& progress, std::map<GenerateStage, double>& seconds)
      : progress_(progress), seconds_(seconds) {}

  bool report(GenerateStage stage, int64_t done, int64_t total, std::string detail = {}) {
    return report({.stage = stage, .done = done, .total = total, .detail = std::move(detail)});
  }
  bool report(const GenerateProgress& event) {
    const auto now = std::chrono::steady_clock::now();
    if (running_) seconds_[*running_] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
    running_ = event.stage;
    last_ = event;
    last_.preview = {};
    return !progress_ || progress_(event);
  }
  // The last event, without a preview.
  const GenerateProgress& last() const { return last_; }
  // Reports the last event again, without a preview: whether to go on, in the middle of it.
  bool keep_going() const { return !progress_ || progress_(last_); }

 private:
  const GenerateProgressFunction& progress_;
  std::map<GenerateStage, double>& seconds_;
  std::optional<GenerateStage> running_;
  std::chrono::steady_clock::time_point since_;
  GenerateProgress last_;
};

// Setup asks the watch while both live.
class WatchedSetup {
 public:
  WatchedSetup(Session& session, const Watch& watch) : session_(session) {
    session_.set_keep_going([&watch] { return watch.keep_going(); });
  }
  WatchedSetup(const WatchedSetup&) = delete;
  WatchedSetup& operator=(const WatchedSetup&) = delete;
  ~WatchedSetup() { session_.set_keep_going({}); }

 private:
  Session& session_;
};

// The error of a run that its progress function ends.
inline Error stopped() {
  return error(ErrorCode::cancelled, "stopped before the picture was done");
}

}  // namespace tempera::api
