#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tempera::pickle {

// A text of protocol 0: Python's raw-unicode-escape (\u and 4, \U and 8 hex digits, other bytes
// Latin-1), as UTF-8. Escapes that are none stay as they are.
std::string unescape_unicode(std::string_view escaped);

// A byte string of protocol 0 as Python's repr writes it, in quotes; nothing without them.
std::optional<std::string> unescape_string(std::string_view quoted);

}  // namespace tempera::pickle
