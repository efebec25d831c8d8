#include "base/log.h"

#include <gtest/gtest.h>

namespace tempera {
namespace {

std::string logged_at(LogLevel level) {
  set_log_level(level);
  testing::internal::CaptureStderr();
  log(LogLevel::error, "bad {}", 1);
  log(LogLevel::warning, "odd {}", 2);
  log(LogLevel::info, "fine {}", 3);
  log(LogLevel::debug, "detail {}", 4);
  set_log_level(LogLevel::info);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, LevelHidesLessImportantLines) {
  EXPECT_EQ(logged_at(LogLevel::error), "error: bad 1\n");
  EXPECT_EQ(logged_at(LogLevel::info), "error: bad 1\nwarning: odd 2\nfine 3\n");
  EXPECT_EQ(logged_at(LogLevel::debug), "error: bad 1\nwarning: odd 2\nfine 3\ndebug: detail 4\n");
}

}  // namespace
}  // namespace tempera
