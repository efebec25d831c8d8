#include "tensor_file/torch/strided.h"

#include <cstring>
#include <limits>

namespace tempera::torch {
namespace {

constexpr uint64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

}  // namespace

std::optional<uint64_t> extent(const Strided& view) {
  uint64_t last = view.offset;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    if (view.shape[i] == 0) return 0;
    uint64_t step = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(view.shape[i] - 1),
                               static_cast<uint64_t>(view.strides[i]), &step) ||
        __builtin_add_overflow(last, step, &last))
      return std::nullopt;
  }
  if (last >= kMaxInt64) return std::nullopt;
  return last + 1;
}

std::optional<uint64_t> element_count(const Strided& view) {
  uint64_t count = 1;
  for (const int64_t size : view.shape)
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(size), &count) || count > kMaxInt64)
      return std::nullopt;
  return count;
}

bool is_dense(const Strided& view) {
  int64_t stride = 1;
  for (size_t i = view.shape.size(); i-- > 0;) {
    if (view.shape[i] != 1 && view.strides[i] != stride) return false;
    stride *= view.shape[i];
  }
  return true;
}

std::vector<std::byte> gather(std::span<const std::byte> bytes, const Strided& view,
                              int64_t element_bytes) {
  const auto size = static_cast<size_t>(element_bytes);
  std::vector<std::byte> dense(*element_count(view) * size);
  std::vector<int64_t> index(view.shape.size());
  uint64_t at = view.offset;
  for (size_t to = 0; to < dense.size(); to += size) {
    std::memcpy(dense.data() + to, bytes.data() + at * size, size);
    for (size_t i = index.size(); i-- > 0;) {
      at += static_cast<uint64_t>(view.strides[i]);
      if (++index[i] < view.shape[i]) break;
      at -= static_cast<uint64_t>(view.strides[i]) * static_cast<uint64_t>(view.shape[i]);
      index[i] = 0;
    }
  }
  return dense;
}

}  // namespace tempera::torch
