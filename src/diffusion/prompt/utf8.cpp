#include "diffusion/prompt/utf8.h"

#include <utf8proc.h>

#include <array>

#include "base/check.h"

namespace tempera::diffusion {
namespace {

// The range that the second byte of a sequence must be in, and the sequence's length; length 0 for
// a byte that begins none (Unicode 15, table 3-7).
struct Lead {
  size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

Lead lead(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte >= 0xC2 && byte <= 0xDF) return {2};
  if (byte == 0xE0) return {3, 0xA0};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3};
  if (byte == 0xF0) return {4, 0x90};
  if (byte >= 0xF1 && byte <= 0xF3) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

// How many bytes of `text` are the beginning of one well-formed sequence of this lead.
size_t well_formed_prefix(std::string_view text, const Lead& lead) {
  size_t size = 1;
  while (size < lead.length && size < text.size()) {
    const auto byte = static_cast<unsigned char>(text[size]);
    const bool second = size == 1;
    if (byte < (second ? lead.low : 0x80) || byte > (second ? lead.high : 0xBF)) break;
    ++size;
  }
  return size;
}

}  // namespace

std::string repair_utf8(std::string_view text) {
  static constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string result;
  while (!text.empty()) {
    const Lead first = lead(static_cast<unsigned char>(text[0]));
    const size_t size = well_formed_prefix(text, first);
    result += size == first.length ? text.substr(0, size) : kReplacement;
    text.remove_prefix(size);
  }
  return result;
}

std::u32string to_utf32(std::string_view text) {
  std::u32string result;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    utf8proc_int32_t code = 0;
    const auto left = static_cast<utf8proc_ssize_t>(text.size() - i);
    const utf8proc_ssize_t size = utf8proc_iterate(bytes + i, left, &code);
    CHECK(size > 0, "text that is not UTF-8");
    result += static_cast<char32_t>(code);
    i += static_cast<size_t>(size);
  }
  return result;
}

std::string to_utf8(std::u32string_view text) {
  std::string result;
  for (char32_t c : text) {
    std::array<utf8proc_uint8_t, 4> bytes{};
    const utf8proc_ssize_t size =
        utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes.data());
    result.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(size));
  }
  return result;
}

}  // namespace tempera::diffusion
