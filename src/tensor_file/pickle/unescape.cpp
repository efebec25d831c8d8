#include "tensor_file/pickle/unescape.h"

#include <charconv>
#include <cstdint>

namespace tempera::pickle {
namespace {

void append_utf8(std::string& text, uint32_t code) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0 | (code >> 18 & 7));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The number of `digits` hexadecimal digits at the start of `text`; nothing when there are fewer.
std::optional<uint32_t> hexadecimal(std::string_view text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + digits, value, 16);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + digits) return std::nullopt;
  return value;
}

char control(char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return letter;  // a quote or a backslash
  }
}

}  // namespace

std::string unescape_unicode(std::string_view escaped) {
  std::string text;
  for (size_t i = 0; i < escaped.size(); ++i) {
    const char next = i + 1 < escaped.size() ? escaped[i + 1] : '\0';
    const size_t digits = escaped[i] != '\\' ? 0 : next == 'u' ? 4 : next == 'U' ? 8 : 0;
    const auto code = digits == 0 ? std::nullopt : hexadecimal(escaped.substr(i + 2), digits);
    append_utf8(text, code.value_or(static_cast<uint8_t>(escaped[i])));
    if (code) i += 1 + digits;
  }
  return text;
}

std::optional<std::string> unescape_string(std::string_view quoted) {
  const bool has_quotes = quoted.size() >= 2 && quoted.front() == quoted.back() &&
                          (quoted.front() == '\'' || quoted.front() == '"');
  if (!has_quotes) return std::nullopt;
  quoted = quoted.substr(1, quoted.size() - 2);
  std::string text;
  for (size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\' || i + 1 == quoted.size()) {
      text += quoted[i];
      continue;
    }
    ++i;
    const auto code = quoted[i] == 'x' ? hexadecimal(quoted.substr(i + 1), 2) : std::nullopt;
    text += code ? static_cast<char>(*code) : control(quoted[i]);
    if (code) i += 2;
  }
  return text;
}

}  // namespace tempera::pickle
