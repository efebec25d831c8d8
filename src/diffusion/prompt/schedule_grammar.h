#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tempera::diffusion {

// A text that serves the steps after the one before it up to `last_step`, counted from 1.
struct ScheduledText {
  int64_t last_step = 0;
  std::string text;
  bool operator==(const ScheduledText&) const = default;
};

// AUTOMATIC1111's grammar: [from:to:when], [to:when], [from::when] and, an option a step, [a|b].
// `when` with a dot is a part of the steps, otherwise a step: the last one of `from`. What does not
// fit is text, and so is all of a text with more than 1,000 opening brackets. Neighbours in the
// result differ; the last entry ends at `steps`, which is at least 1. After a first pass of
// `steps_before` steps `when` goes on counting: steps from steps_before on, parts from 1.0 on.
std::vector<ScheduledText> parse_schedule(std::string_view text, int64_t steps,
                                          int64_t steps_before = 0);

}  // namespace tempera::diffusion
