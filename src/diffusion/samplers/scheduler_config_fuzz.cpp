#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "diffusion/samplers/scheduler_config.h"

// Whatever the text, a scheduler's config is taken or refused with a sentence.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = tempera::parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (json.ok()) static_cast<void>(tempera::diffusion::parse_scheduler_config(*json, "input"));
  return 0;
}
