#include "diffusion/prompt/clip_text.h"

#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "base/check.h"
#include "diffusion/prompt/utf8.h"

namespace tempera::diffusion {
namespace {

// The property White_Space.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_letter(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool is_other(char32_t c) { return !is_space(c) && !is_letter(c) && !is_number(c); }

std::string compose(std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &composed, options);
  CHECK(size >= 0, "utf8proc_map: {}", utf8proc_errmsg(size));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, std::free);
  return {reinterpret_cast<const char*>(composed), static_cast<size_t>(size)};
}

// The length of the contraction that the text begins with, or 0.
size_t contraction(std::u32string_view text) {
  static constexpr std::array<std::u32string_view, 7> kEnds = {U"'s", U"'t",  U"'re", U"'ve",
                                                               U"'m", U"'ll", U"'d"};
  for (std::u32string_view end : kEnds)
    if (text.starts_with(end)) return end.size();
  return 0;
}

// A special token in text that was not taken as one: it is cut like "<|", "endoftext", "|>".
size_t special_word(std::u32string_view text) {
  static constexpr std::array<std::u32string_view, 2> kWords = {U"<|startoftext|>",
                                                                U"<|endoftext|>"};
  for (std::u32string_view word : kWords)
    if (text.starts_with(word)) return word.size();
  return 0;
}

size_t run(std::u32string_view text, bool (*in_run)(char32_t)) {
  size_t size = 0;
  while (size < text.size() && in_run(text[size])) ++size;
  return size;
}

size_t word_length(std::u32string_view text) {
  if (size_t size = contraction(text)) return size;
  if (size_t size = run(text, is_letter)) return size;
  if (is_number(text[0])) return 1;
  return run(text, is_other);
}

}  // namespace

std::string normalize_clip_text(std::string_view text) {
  std::u32string result;
  bool after_space = false;
  for (char32_t c : to_utf32(compose(text))) {
    const bool space = is_space(c);
    if (space && after_space) continue;
    after_space = space;
    result +=
        space ? U' ' : static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
    // The one character whose full lower case is two: I with dot above.
    if (c == 0x130) {
      result.back() = U'i';
      result += char32_t{0x307};
    }
  }
  return to_utf8(result);
}

std::vector<std::string> split_clip_words(std::string_view normalized) {
  const std::u32string codes = to_utf32(normalized);
  std::u32string_view text = codes;
  std::vector<std::string> words;
  while (!text.empty()) {
    if (is_space(text[0])) {
      text.remove_prefix(1);
      continue;
    }
    if (size_t size = special_word(text)) {
      words.emplace_back("<|");
      words.push_back(to_utf8(text.substr(2, size - 4)));
      words.emplace_back("|>");
      text.remove_prefix(size);
      continue;
    }
    const size_t size = word_length(text);
    words.push_back(to_utf8(text.substr(0, size)));
    text.remove_prefix(size);
  }
  return words;
}

}  // namespace tempera::diffusion
