#include "base/status.h"

#include <array>

namespace tempera {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view name;
  int exit_code;
};

constexpr std::array<CodeRow, 8> kCodes = {{
    {ErrorCode::invalid_argument, "invalid_argument", 2},
    {ErrorCode::unsupported, "unsupported", 3},
    {ErrorCode::not_found, "not_found", 4},
    {ErrorCode::data_loss, "data_loss", 5},
    {ErrorCode::resource_exhausted, "resource_exhausted", 6},
    {ErrorCode::unavailable, "unavailable", 7},
    {ErrorCode::cancelled, "cancelled", 130},
    {ErrorCode::internal, "internal", 70},
}};

const CodeRow& row(ErrorCode code) {
  for (const CodeRow& r : kCodes)
    if (r.code == code) return r;
  CHECK(false, "unknown error code {}", static_cast<int>(code));
}

}  // namespace

std::string_view error_code_name(ErrorCode code) { return row(code).name; }
int exit_code(ErrorCode code) { return row(code).exit_code; }

}  // namespace tempera
