#include <array>
#include <cstdint>

#include "tensor_file/pickle/read.h"
#include "tensor_file/torch/tensors.h"

// Whatever the bytes, the pickle is refused with a sentence or all its tensors lie inside their
// storage.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto document = tempera::pickle::read(std::as_bytes(std::span(data, size)), "input");
  if (!document.ok()) return 0;
  static const std::array<std::byte, 4096> bytes{};
  const auto find_storage = [](const tempera::torch::StorageId& id) {
    const size_t there = std::min<size_t>(bytes.size(), id.elements);
    return tempera::Result(
        tempera::torch::Storage{std::span(bytes).first(there), nullptr, nullptr});
  };
  constexpr uint64_t kCopyLimit = 1 << 20;
  const auto contents = tempera::torch::read_tensors(*document, find_storage, kCopyLimit, "input");
  if (!contents.ok()) return 0;
  for (const auto& [name, tensor] : contents->tensors) {
    CHECK(static_cast<int64_t>(tensor.bytes.size()) == tempera::size_in_bytes(tensor));
    for (const std::byte byte : tensor.bytes) CHECK(byte == std::byte{0});
  }
  return 0;
}
