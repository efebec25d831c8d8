#pragma once

#include <fmt/format.h>

#include <string>

namespace tempera {

enum class LogLevel { error, warning, info, debug };

// Lines for people, to stderr (results go to stdout). The level is the one global of the program.
void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void log_line(LogLevel level, const std::string& text);

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tempera
