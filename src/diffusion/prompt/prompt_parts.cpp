#include "diffusion/prompt/prompt_parts.h"

#include <optional>

#include "diffusion/prompt/whole_word.h"

namespace tempera::diffusion {
namespace {

constexpr std::string_view kAnd = "AND";

PromptPart part_of(std::string_view text) {
  text = trim_back(text);
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {std::string(text)};
  const std::string_view number = trim_front(text.substr(colon + 1));
  const bool is_plain = number.find_first_not_of("+-.0123456789") == std::string_view::npos;
  const std::optional<double> weight = is_plain ? parse_decimal(number) : std::nullopt;
  if (!weight) return {std::string(text)};
  return {std::string(trim_back(text.substr(0, colon))), *weight};
}

}  // namespace

std::vector<PromptPart> split_prompt(std::string_view text) {
  size_t at = find_whole_word(text, kAnd);
  if (at == std::string_view::npos) return {{std::string(text)}};
  std::vector<PromptPart> parts;
  for (; at != std::string_view::npos; at = find_whole_word(text, kAnd)) {
    parts.push_back(part_of(text.substr(0, at)));
    text.remove_prefix(at + kAnd.size());
  }
  parts.push_back(part_of(text));
  return parts;
}

}  // namespace tempera::diffusion
