#include "diffusion/prompt/extra_networks.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace tempera::diffusion {
namespace {

std::vector<std::string_view> split_at_colons(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':')) {
    parts.push_back(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  parts.push_back(text);
  return parts;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<double> parse_strength(std::string_view text) {
  text = trimmed(text);
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "name:te:unet", without the word before it; `tag` is all of it, for messages.
Result<LoraTag> parse_lora(std::string_view arguments, std::string_view tag) {
  const std::vector<std::string_view> parts = split_at_colons(arguments);
  LoraTag lora{.name = std::string(trimmed(parts[0]))};
  if (lora.name.empty())
    return error(ErrorCode::invalid_argument, "the prompt's {} names no LoRA", quote(tag));
  std::optional<double> text_encoder, unet;
  size_t place = 0;
  for (size_t i = 1; i < parts.size(); ++i) {
    std::string_view value = parts[i];
    const size_t equals = value.find('=');
    const std::string_view key =
        equals == std::string_view::npos ? "" : trimmed(value.substr(0, equals));
    if (!key.empty()) value.remove_prefix(equals + 1);
    const bool is_first = key == "te" || (key.empty() && place == 0);
    const bool is_second = key == "unet" || (key.empty() && place == 1);
    place += key.empty() ? 1 : 0;
    const std::optional<double> strength = parse_strength(value);
    if (!strength || !(is_first || is_second))
      return error(ErrorCode::invalid_argument,
                   "the prompt's {} has {} where <lora:name:0.8> or <lora:name:te:unet> has a "
                   "strength",
                   quote(tag), quote(parts[i]));
    (is_first ? text_encoder : unet) = strength;
  }
  lora.text_encoder = text_encoder.value_or(1);
  lora.unet = unet.value_or(lora.text_encoder);
  return lora;
}

}  // namespace

Result<ExtraNetworks> take_extra_networks(std::string_view prompt) {
  ExtraNetworks result;
  size_t from = 0;
  for (size_t open = prompt.find('<'); open != std::string_view::npos;
       open = prompt.find('<', open + 1)) {
    const size_t close = prompt.find_first_of("<>", open + 1);
    if (close == std::string_view::npos) break;
    if (prompt[close] == '<') continue;
    const std::string_view tag = prompt.substr(open, close - open + 1);
    const size_t colon = tag.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view kind = tag.substr(1, colon - 1);
    if (kind == "hypernet")
      return error(ErrorCode::unsupported,
                   "the prompt's {} asks for a hypernetwork, which is not supported yet",
                   quote(tag));
    if (kind != "lora" && kind != "lyco") continue;
    ASSIGN_OR_RETURN(LoraTag lora, parse_lora(tag.substr(colon + 1, tag.size() - colon - 2), tag));
    result.loras.push_back(std::move(lora));
    result.text += prompt.substr(from, open - from);
    from = close + 1;
  }
  result.text += prompt.substr(from);
  return result;
}

}  // namespace tempera::diffusion
