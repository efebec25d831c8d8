#include "diffusion/infotext.h"

#include <algorithm>
#include <optional>

#include "base/json.h"

namespace tempera::diffusion {
namespace {

std::string quote_value(const std::string& value) {
  if (value.find_first_of(",:\n") == std::string::npos) return value;
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr std::string_view kNegative = "Negative prompt:", kSpace = " \t\r\n\f\v";
constexpr size_t kFewestFields = 3;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_key_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z') || byte >= 0x80 || c == '_' || c == ' ' || c == '-' ||
         c == '/';
}

// The length of a quoted value with its quotes, or of one in braces; 0 where it does not end.
size_t enclosed_length(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (text[i] == '{' || text[i] == '}')) {
      depth += text[i] == '{' ? 1 : -1;
    }
    if (!quoted && depth <= 0) return i + 1;
  }
  return 0;
}

std::string unquote(std::string_view value) {
  if (!value.starts_with('"')) return std::string(value);
  const Json json = Json::parse(value, nullptr, false);
  return json.is_string() ? json.get<std::string>() : std::string(value);
}

// Takes a value and the comma behind it off the text.
std::string_view take_value(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const bool is_enclosed = text.starts_with('"') || text.starts_with('{');
  size_t end = is_enclosed ? enclosed_length(text) : 0;
  const std::string_view behind = trim(text.substr(end));
  if (end == 0 || !(behind.empty() || behind.starts_with(','))) end = text.find(',');
  end = std::min(text.find(',', end), text.size());
  const std::string_view value = trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return value;
}

// A key is at least two characters, as AUTOMATIC1111 reads it; none where no part begins.
std::optional<std::string_view> take_key(std::string_view& text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view key = trim(text.substr(0, colon));
  if (key.size() < 2 || !std::ranges::all_of(key, is_key_character)) return std::nullopt;
  text.remove_prefix(colon + 1);
  return key;
}

// In a line that starts with the steps, a part without a key belongs to the value before it.
std::optional<decltype(Infotext::fields)> parse_fields(std::string_view line) {
  decltype(Infotext::fields) fields;
  const bool starts_with_steps =
      line.starts_with("Steps:") && trim(line.substr(6)).find_first_of("0123456789") == 0;
  for (std::string_view rest = trim(line); !rest.empty();) {
    if (const auto key = take_key(rest)) {
      fields.emplace_back(*key, unquote(take_value(rest)));
    } else if (starts_with_steps) {
      fields.back().second += ", " + std::string(take_value(rest));
    } else {
      return std::nullopt;
    }
    rest = trim(rest);
  }
  if (fields.size() < kFewestFields) return std::nullopt;
  return fields;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(trim(text.substr(0, end)));
    if (end == text.size()) return lines;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Infotext parse_infotext(std::string_view text) {
  Infotext infotext;
  std::vector<std::string_view> lines = split_lines(trim(text));
  if (auto fields = parse_fields(lines.back())) {
    infotext.fields = *std::move(fields);
    lines.pop_back();
  }
  std::string* part = &infotext.prompt;
  for (std::string_view line : lines) {
    if (line.starts_with(kNegative)) {
      part = &infotext.negative_prompt;
      line = trim(line.substr(kNegative.size()));
    }
    *part += (part->empty() ? "" : "\n") + std::string(line);
  }
  return infotext;
}

const std::string* find_field(const Infotext& infotext, std::string_view key) {
  for (const auto& [name, value] : infotext.fields)
    if (name == key) return &value;
  return nullptr;
}

const std::string* find_infotext(const PictureText& text) {
  for (const auto& [keyword, value] : text)
    if (keyword == kInfotextKeyword || keyword == "UserComment") return &value;
  return nullptr;
}

std::string format_infotext(const Infotext& infotext) {
  std::string text = infotext.prompt + "\n";
  if (!infotext.negative_prompt.empty())
    text += "Negative prompt: " + infotext.negative_prompt + "\n";
  bool first = true;
  for (const auto& [key, value] : infotext.fields) {
    text += (first ? "" : ", ") + key + ": " + quote_value(value);
    first = false;
  }
  return text;
}

}  // namespace tempera::diffusion
