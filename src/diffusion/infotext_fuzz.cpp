#include <cstdint>
#include <string_view>

#include "diffusion/infotext.h"

// Whatever the text, its settings are read, and what is written of them is read again.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tempera::diffusion;
  const Infotext read = parse_infotext({reinterpret_cast<const char*>(data), size});
  static_cast<void>(parse_infotext(format_infotext(read)));
  return 0;
}
