#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace tempera {

// What kind of thing went wrong in the world outside the program. Each code has one exit code
// (docs/errors.md).
enum class ErrorCode {
  invalid_argument,    // the user asked for something that makes no sense: a flag, a size, a prompt
  unsupported,         // well formed, but this program or this device does not have it
  not_found,           // a file, folder, tensor, component or name that is not there
  data_loss,           // a file that is truncated, torn, hostile or contradicts itself
  resource_exhausted,  // memory, disk or a stated limit
  unavailable,         // a device or library that may be there later
  cancelled,           // the user stopped it
  internal,            // our own bug, caught at the program's edge
};

std::string_view error_code_name(ErrorCode code);
// The process exit code for an error: 2 invalid_argument, 3 unsupported, 4 not_found, 5 data_loss,
// 6 resource_exhausted, 7 unavailable, 130 cancelled, 70 internal.
int exit_code(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;  // one sentence, lower case, no full stop: what, the values, the next step
};

// Success or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose
  bool ok() const { return !error_; }
  const Error& error() const {
    CHECK(error_, "error() of a success");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

// A value or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::move(error)) {}  // NOLINT: implicit on purpose
  bool ok() const { return state_.index() == 0; }
  const Error& error() const {
    CHECK(!ok(), "error() of a success");
    return std::get<1>(state_);
  }
  const T& value() const& {
    check_value();
    return std::get<0>(state_);
  }
  T& value() & {
    check_value();
    return std::get<0>(state_);
  }
  T&& value() && {
    check_value();
    return std::get<0>(std::move(state_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

 private:
  void check_value() const { CHECK(ok(), "value() of an error: {}", std::get<1>(state_).message); }
  std::variant<T, Error> state_;
};

// error(ErrorCode::not_found, "{}: no such file", path)
template <typename... Args>
Error error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return {code, fmt::format(format, std::forward<Args>(args)...)};
}

// TRY(status_expression): returns its error from this function.
#define TRY(expression)                              \
  do {                                               \
    const auto& try_status = (expression);           \
    if (!try_status.ok()) return try_status.error(); \
  } while (false)

// ASSIGN_OR_RETURN(auto x, result_expression): declares x from the value, or returns the error.
#define ASSIGN_OR_RETURN(declaration, expression) \
  TEMPERA_ASSIGN_OR_RETURN(TEMPERA_CONCAT(result_, __LINE__), declaration, expression)
#define TEMPERA_CONCAT_(a, b) a##b
#define TEMPERA_CONCAT(a, b) TEMPERA_CONCAT_(a, b)
#define TEMPERA_ASSIGN_OR_RETURN(result, declaration, expression) \
  auto result = (expression);                                     \
  if (!result.ok()) return result.error();                        \
  declaration = std::move(result).value()

}  // namespace tempera
