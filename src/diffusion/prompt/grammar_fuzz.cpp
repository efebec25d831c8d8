#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "diffusion/prompt/attention_grammar.h"
#include "diffusion/prompt/extra_networks.h"
#include "diffusion/prompt/prompt_parts.h"
#include "diffusion/prompt/schedule_grammar.h"

// Whatever the text, every step of a prompt has its weighted runs. The first byte is the number of
// steps.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tempera::diffusion;
  if (size == 0) return 0;
  const int64_t steps = 1 + data[0] % 32;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto networks = take_extra_networks(text);
  const std::string_view prompt = networks.ok() ? networks->text : text;
  for (const PromptPart& part : split_prompt(prompt)) {
    const auto schedule = parse_schedule(part.text, steps);
    CHECK(!schedule.empty() && schedule.back().last_step == steps);
    for (const ScheduledText& entry : schedule) CHECK(!parse_attention(entry.text).empty());
  }
  return 0;
}
