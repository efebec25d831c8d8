#include "base/log.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <string_view>

namespace tempera {
namespace {

std::atomic<LogLevel> current_level = LogLevel::info;

constexpr std::array<std::string_view, 4> kPrefixes = {"error: ", "warning: ", "", "debug: "};

}  // namespace

void set_log_level(LogLevel level) { current_level.store(level, std::memory_order_relaxed); }

bool log_enabled(LogLevel level) { return level <= current_level.load(std::memory_order_relaxed); }

void log_line(LogLevel level, const std::string& text) {
  // One write for the whole line, so that lines of different threads do not mix.
  const std::string line = fmt::format("{}{}\n", kPrefixes.at(static_cast<size_t>(level)), text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace tempera
