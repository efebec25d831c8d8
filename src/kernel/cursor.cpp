#include "kernel/cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "kernel/syntax.h"

namespace tempera::kernel {

void Cursor::fail(const std::string& message) {
  if (failed()) return;
  std::string_view before = text_.substr(0, position_);
  before = before.substr(0, before.find_last_not_of(" \n\t\r") + 1);
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  failure_ = error(ErrorCode::invalid_argument, "kernel text {}:{}: {}", line,
                   before.size() - start + 1, message);
  position_ = text_.size();
}

void Cursor::skip_blanks() {
  while (position_ < text_.size()) {
    if (text_.substr(position_).starts_with("//"))
      position_ = std::min(text_.find('\n', position_), text_.size());
    else if (std::string_view(" \n\t\r").find(text_[position_]) != std::string_view::npos)
      ++position_;
    else
      return;
  }
}

std::string_view Cursor::rest() {
  skip_blanks();
  return text_.substr(position_);
}

std::string Cursor::here() {
  const std::string_view text = rest();
  return text.empty() ? "the end" : quote(text.substr(0, text.find('\n')), 20);
}

void Cursor::advance(size_t characters) {
  position_ = std::min(position_ + characters, text_.size());
}

std::string_view Cursor::peek_word() {
  const std::string_view text = rest();
  if (text.empty() || !syntax::starts_name(text[0])) return {};
  return text.substr(0, std::ranges::find_if_not(text, syntax::continues_name) - text.begin());
}

bool Cursor::take(std::string_view sign) {
  if (!rest().starts_with(sign)) return false;
  advance(sign.size());
  return true;
}

bool Cursor::take_word(std::string_view word) {
  if (peek_word() != word) return false;
  advance(word.size());
  return true;
}

void Cursor::expect(std::string_view sign) {
  if (!take(sign)) fail(fmt::format("{} is missing before {}", quote(sign), here()));
}

void Cursor::expect_word(std::string_view word) {
  if (!take_word(word)) fail(fmt::format("{} is missing before {}", quote(word), here()));
}

std::string Cursor::name() {
  const std::string_view word = peek_word();
  if (word.empty() || syntax::is_reserved(word)) {
    fail(fmt::format("{} is no name", here()));
    return "x";
  }
  advance(word.size());
  return std::string(word);
}

int64_t Cursor::integer() {
  const std::string_view text = rest();
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code == std::errc{})
    advance(end - text.data());
  else
    fail(fmt::format("{} is no integer", here()));
  return value;
}

}  // namespace tempera::kernel
