#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "api/c/tempera.h"
#include "api/run/compile_options.h"
#include "api/run/session.h"
#include "base/status.h"

struct tempera_model {
  std::unique_ptr<tempera::api::Session> session;
};

namespace tempera::api {

// How this library opens models: with the compiler, or artifacts only.
OpenModel open_model_function();

// Notes the sentence for tempera_last_error, and gives the code.
tempera_status fail(const Error& error);

// Runs `body`, which gives a Status, and lets nothing through to C but a code.
template <typename Body>
tempera_status guarded(Body&& body) {
  try {
    const Status status = body();
    return status.ok() ? TEMPERA_OK : fail(status.error());
  } catch (const InternalError& bug) {
    return fail({ErrorCode::internal, bug.what()});
  } catch (const std::bad_alloc&) {
    return fail({ErrorCode::resource_exhausted, "out of memory"});
  }
}

// A caller's struct as this version has it: fields that the caller does not know are zero.
template <typename Struct>
Result<Struct> read_struct(const Struct* given, const char* name) {
  Struct result{};
  if (given == nullptr) return result;
  if (given->struct_size < sizeof(size_t))
    return error(ErrorCode::invalid_argument, "{}: set struct_size to sizeof({})", name, name);
  std::memcpy(&result, given, std::min(given->struct_size, sizeof(Struct)));
  result.struct_size = sizeof(Struct);
  return result;
}

// Fills a caller's struct as far as the caller knows it; its struct_size stays.
template <typename Struct>
Status write_struct(const Struct& values, Struct* to, const char* name) {
  if (to == nullptr || to->struct_size < sizeof(size_t))
    return error(ErrorCode::invalid_argument, "{}: set struct_size to sizeof({})", name, name);
  const size_t size = std::min(to->struct_size, sizeof(Struct));
  std::memcpy(reinterpret_cast<std::byte*>(to) + sizeof(size_t),
              reinterpret_cast<const std::byte*>(&values) + sizeof(size_t), size - sizeof(size_t));
  return {};
}

// invalid_argument for a pointer that must not be null.
Status check_given(const void* pointer, const char* name);

inline std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace tempera::api
