#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "diffusion/image/png_text.h"

// Whatever the bytes, a PNG's texts are refused with a sentence or are UTF-8.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  static_cast<void>(tempera::diffusion::find_png_chunk(file, "eXIf"));
  const auto text = tempera::diffusion::read_png_text(file, "input");
  if (!text.ok()) return 0;
  for (const auto& [keyword, value] : *text) CHECK(tempera::is_utf8(value));
  return 0;
}
