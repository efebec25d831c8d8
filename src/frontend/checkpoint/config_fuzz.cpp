#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "frontend/checkpoint/clip_text_config.h"
#include "frontend/checkpoint/model_index.h"
#include "frontend/checkpoint/unet_config.h"
#include "frontend/checkpoint/vae_config.h"

// Whatever the text, each reader of a model's JSON files takes it or refuses it with a sentence.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tempera;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!json.ok()) return 0;
  static_cast<void>(frontend::parse_unet_config(*json, "input"));
  static_cast<void>(frontend::parse_vae_config(*json, "input"));
  static_cast<void>(frontend::parse_clip_text_config(*json, "input"));
  static_cast<void>(frontend::parse_model_index(*json, "input"));
  return 0;
}
