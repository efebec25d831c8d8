#include <cstdint>

#include "tensor_file/torch/torch_file.h"
#include "tensor_file/torch/zip.h"

// Whatever the bytes, the archive is refused with a sentence or its entries lie inside it and
// unpack to their sizes; and so for the tensors in it, of both of torch's forms.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const tempera::torch::FileBytes file{bytes, nullptr, nullptr, "input"};
  if (size > 0 && data[0] == 0x80) {
    static_cast<void>(tempera::torch::read_legacy(file));
    return 0;
  }
  static_cast<void>(tempera::torch::read_archive(file));
  const auto entries = tempera::read_zip(bytes, "input");
  if (!entries.ok()) return 0;
  uint64_t left = 1 << 20;
  for (const tempera::ZipEntry& entry : *entries) {
    CHECK(entry.packed.empty() ||
          (entry.packed.data() >= bytes.data() &&
           entry.packed.data() + entry.packed.size() <= bytes.data() + bytes.size()));
    const auto unpacked = tempera::unpack(entry, left, "input");
    if (!unpacked.ok()) continue;
    CHECK(unpacked->size() == entry.size);
    left -= entry.size;
  }
  return 0;
}
