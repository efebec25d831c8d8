#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tempera {
namespace {

uint32_t continuation_bits(char c) { return static_cast<uint8_t>(c) & 0x3fu; }
bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0u) == 0x80u; }

size_t length_from_lead(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

// C0 controls, DEL, and the C1 controls (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f).
bool is_control(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7f;
  return lead == 0xc2 && static_cast<uint8_t>(sequence[1]) < 0xa0;
}

}  // namespace

size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t length = length_from_lead(lead);
  if (length == 0 || length > text.size()) return 0;
  uint32_t code_point = length == 1 ? lead : lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
    code_point = code_point << 6 | continuation_bits(text[i]);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
  return code_point < kSmallest.at(length) || code_point > 0x10ffff || surrogate ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quote(std::string_view text, size_t limit) {
  std::string out = "'";
  for (size_t used = 0; !text.empty();) {
    const size_t length = utf8_sequence_length(text);
    const size_t taken = length == 0 ? 1 : length;
    used += taken;
    if (used > limit) return out + "...'";
    const std::string_view sequence = text.substr(0, taken);
    if (length == 0 || is_control(sequence))
      for (char c : sequence) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    else
      out += sequence;
    text.remove_prefix(taken);
  }
  return out + "'";
}

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace tempera
