#include <cstdint>

#include "tensor_file/safetensors_header.h"

// Whatever the bytes, the header is refused with a sentence or all its tensors lie inside the file.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto header = tempera::parse_safetensors_header(bytes, size, "input");
  if (!header.ok()) return 0;
  uint64_t covered = 0;
  for (const tempera::TensorInfo& info : header->tensors) {
    CHECK(info.begin <= info.end && info.end <= size);
    covered += info.end - info.begin;
  }
  CHECK(covered < size);
  return 0;
}
