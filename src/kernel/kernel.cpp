#include "kernel/kernel.h"

#include <charconv>

#include "base/check.h"
#include "base/text.h"

namespace tempera::kernel {
namespace {

Result<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size())
    return error(ErrorCode::invalid_argument, "config value {} is no integer", quote(text));
  return value;
}

}  // namespace

int64_t Config::at(std::string_view name) const {
  for (const auto& [key, value] : values)
    if (key == name) return value;
  check_failed("the config has the name", __FILE__, __LINE__,
               fmt::format("{} in {}", name, to_string(*this)));
}

std::string to_string(const Config& config) {
  std::string out;
  for (const auto& [name, value] : config.values)
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  return out;
}

Result<Config> parse_config(std::string_view text) {
  Config config;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return config;
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return error(ErrorCode::invalid_argument, "config entry {} is not of the form name=integer",
                   quote(word));
    ASSIGN_OR_RETURN(const int64_t value, parse_integer(word.substr(equals + 1)));
    config.values.emplace_back(word.substr(0, equals), value);
  }
}

}  // namespace tempera::kernel
