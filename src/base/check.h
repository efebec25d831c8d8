#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace tempera {

// A bug in this program. Thrown by CHECK only; caught in the command line's main and around each of
// the tuner's candidates.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const std::string& message);

// CHECK(condition), CHECK(condition, "format {}", values): states what must hold if this program is
// right.
#define CHECK(condition, ...)                                                                      \
  do {                                                                                             \
    if (!(condition)) [[unlikely]]                                                                 \
      ::tempera::check_failed(#condition, __FILE__, __LINE__, ::tempera::check_text(__VA_ARGS__)); \
  } while (false)

inline std::string check_text() { return {}; }
template <typename... Args>
std::string check_text(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}

}  // namespace tempera
