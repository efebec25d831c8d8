#include "kernel/type.h"

#include <fmt/format.h>

namespace tempera::kernel {

std::string to_string(Type type) {
  if (type.is_scalar()) return std::string(name(type.dtype));
  return fmt::format("{}x{}", name(type.dtype), type.lanes);
}

int64_t size_in_bytes(Type type) { return type.lanes * size_in_bytes(type.dtype); }

}  // namespace tempera::kernel
