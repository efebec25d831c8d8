#include "diffusion/prompt/whole_word.h"

#include <utf8proc.h>

#include <charconv>

#include "base/text.h"

namespace tempera::diffusion {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Of the code point that `text` starts with; ill-formed text is no word.
bool starts_in_word(std::string_view text) {
  if (text.empty() || utf8_sequence_length(text) == 0) return false;
  if (text[0] == '_') return true;
  utf8proc_int32_t code = 0;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &code);
  const auto category = utf8proc_category(code);
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

bool ends_in_word(std::string_view text) {
  if (text.empty()) return false;
  size_t last = text.size() - 1;
  while (last > 0 && is_continuation(text[last])) --last;
  return starts_in_word(text.substr(last));
}

}  // namespace

size_t find_whole_word(std::string_view text, std::string_view word, size_t from) {
  for (size_t at = text.find(word, from); at != std::string_view::npos;
       at = text.find(word, at + 1))
    if (!ends_in_word(text.substr(0, at)) && !starts_in_word(text.substr(at + word.size())))
      return at;
  return std::string_view::npos;
}

std::string_view trim_front(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view trim_back(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> parse_decimal(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool has_start = text.starts_with('-') ? text.size() > 1 : !text.empty();
  const char first = has_start ? text[text[0] == '-' ? 1 : 0] : 'x';
  if (first != '.' && (first < '0' || first > '9')) return {};  // nan, inf, a second sign
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace tempera::diffusion
