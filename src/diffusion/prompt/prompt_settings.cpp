#include "diffusion/prompt/prompt_settings.h"

#include "base/text.h"

namespace tempera::diffusion {

Result<PromptLanguage> parse_prompt_language(std::string_view name) {
  if (name == "plain") return PromptLanguage::plain;
  if (name == "a1111") return PromptLanguage::a1111;
  return error(ErrorCode::invalid_argument,
               "unknown prompt language {}; the languages are a1111, plain", quote(name));
}

std::string_view name(PromptLanguage language) {
  return language == PromptLanguage::plain ? "plain" : "a1111";
}

}  // namespace tempera::diffusion
