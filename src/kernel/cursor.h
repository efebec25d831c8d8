#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tempera::kernel {

// A place in kernel text, read by words and signs; blanks and comments before them are skipped. The
// first fault is kept and ends the text, so that every function returns; what they return after a
// fault is not used.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool failed() const { return failure_.has_value(); }
  const std::optional<Error>& failure() const { return failure_; }
  void fail(const std::string& message);

  // What follows, without blanks; "the end", or its first characters in quotes.
  std::string_view rest();
  std::string here();
  // The same with its blanks: a suffix stands right behind a number.
  std::string_view adjoining() const { return text_.substr(position_); }
  void advance(size_t characters);

  std::string_view peek_word();
  // A sign. A caller asks for the longer of two signs first.
  bool take(std::string_view sign);
  bool take_word(std::string_view word);
  void expect(std::string_view sign);
  void expect_word(std::string_view word);

  // A word that is not reserved.
  std::string name();
  int64_t integer();

 private:
  void skip_blanks();

  std::string_view text_;
  size_t position_ = 0;
  std::optional<Error> failure_;
};

}  // namespace tempera::kernel
