#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tempera {

// Keeps the order of keys as written. Values are read through `get_*` below, which never throw.
using Json = nlohmann::ordered_json;

// `where` names the text in errors (a file name). Nesting deeper than 64 and duplicate keys are
// data_loss.
Result<Json> parse_json(std::string_view text, std::string_view where);
Result<Json> read_json_file(const std::string& path);

// Null where JSON has no such number: infinity, not-a-number.
inline Json number_or_null(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

// The field `key` of the object `json` as a T; missing -> not_found, another type or out of T's
// range -> data_loss. T: bool, int64_t, double, std::string.
template <typename T>
Result<T> get(const Json& json, std::string_view key, std::string_view where);
// The same, but a missing or null field gives `fallback`.
template <typename T>
Result<T> get_or(const Json& json, std::string_view key, T fallback, std::string_view where);

}  // namespace tempera
