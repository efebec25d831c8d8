#include "kernel/syntax.h"

#include <algorithm>

namespace tempera::kernel::syntax {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "inf" and "nan" also stand with a dtype behind: inf_f16.
std::string_view without_dtype(std::string_view word) {
  const bool number = word.starts_with("inf_") || word.starts_with("nan_");
  return number ? word.substr(0, 3) : word;
}

bool is_intrinsic(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(kLastIntrinsic); ++i)
    if (name(static_cast<Intrinsic>(i)) == word) return true;
  return false;
}

}  // namespace

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_digit(c); }

bool is_reserved(std::string_view word) {
  if (std::ranges::find(kWords, without_dtype(word)) != std::end(kWords)) return true;
  const size_t lanes = word.find('x');
  const bool vector = lanes != std::string_view::npos && lanes + 1 < word.size() &&
                      std::ranges::all_of(word.substr(lanes + 1), is_digit);
  return dtype_from_name(vector ? word.substr(0, lanes) : word).has_value() || is_intrinsic(word);
}

}  // namespace tempera::kernel::syntax
