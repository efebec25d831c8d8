#include "frontend/models/component_graph.h"

namespace tempera::frontend {
namespace {

constexpr int64_t kMaxBatch = 1024;
constexpr int64_t kMaxSide = 16384;

Status check_extent(std::string_view what, int64_t value, int64_t most) {
  if (value >= 1 && value <= most) return {};
  return error(ErrorCode::invalid_argument, "{} is {}, expected 1 to {}", what, value, most);
}

}  // namespace

Status check_picture(const ComponentSize& size) {
  TRY(check_extent("batch", size.batch, kMaxBatch));
  TRY(check_extent("height", size.height, kMaxSide));
  return check_extent("width", size.width, kMaxSide);
}

Status check_tokens(const ComponentSize& size) {
  TRY(check_extent("batch", size.batch, kMaxBatch));
  return check_extent("number of tokens", size.tokens, kMaxSide);
}

Status check_repeat(const ComponentSize& size) {
  if (size.repeat >= 1 && size.batch % size.repeat == 0) return {};
  return error(ErrorCode::invalid_argument, "a batch of {} is not {} times the same rows",
               size.batch, size.repeat);
}

}  // namespace tempera::frontend
